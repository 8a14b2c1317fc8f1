;; Adds the histogram rows of a block to the cells of their groups, eight counts at a time. add-rows.ts lays the memory
;; out and says what is where; block-layout.ts and count-groups.ts say how counts are written.
(module
  (memory (export "memory") 1)

  ;; Of each width of a group: which bytes its counts lie in, and the powers of two that move them to the top of their
  ;; lane. Widths up to 9 take eight lanes of 16 bits, wider ones twice four lanes of 32.
  (global $tables i32 (i32.const 0))
  (global $tableBytes i32 (i32.const 64))
  ;; Behind them: masks of the first 0 to 7 lanes of 16 bits.
  (global $masks i32 (i32.const 1088))

  ;; A group has cells of seven levels, one behind the other, each half as many as the one before.
  (global $groupCells i32 (i32.const 1280))
  (global $finestCells i32 (i32.const 640))
  (global $finestScale i32 (i32.const 4))
  (global $levels i32 (i32.const 7))

  ;; Adds the rows of series whose group is not negative. Those of groups below -1, and those that do not lie on a level
  ;; or have wider counts, are left: number of the row, its series, where its counts begin, and its groups of counts.
  ;; Returns how many.
  (func (export "add")
    (param $rows i32)
    (param $columns i32) (param $columnBytes i32)
    (param $totals i32) (param $totalsBytes i32)
    (param $widths i32) (param $counts i32)
    (param $groupOf i32) (param $series i32)
    (param $sums i32) (param $sumsBytes i32)
    (param $ranges i32) (param $rangesBytes i32)
    (param $cells i32) (param $left i32)
    (result i32)
    (local $row i32) (local $id i32) (local $group i32) (local $kind i32) (local $low i32) (local $n i32)
    (local $at i32) (local $width i32) (local $bits i32) (local $table i32) (local $to i32) (local $end i32)
    (local $place i32) (local $value f64) (local $bytes v128) (local $eight v128)
    (local $leftRows i32) (local $ahead i32)
    (local $level i32) (local $levelCells i32)
    (local.set $at (local.get $counts))
    (local.set $width (local.get $widths))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $row) (local.get $rows)))
        (local.set $id (i32.add (local.get $id) (i32.load (local.get $columns))))
        (local.set $group (i32.const -1))
        (if (i32.lt_u (local.get $id) (local.get $series))
          (then (local.set $group (i32.load (i32.add (local.get $groupOf) (i32.shl (local.get $id) (i32.const 2)))))))
        (local.set $level (i32.sub (global.get $finestScale)
          (i32.load (i32.add (local.get $columns) (i32.mul (local.get $columnBytes) (i32.const 3))))))
        (local.set $levelCells (i32.shr_u (global.get $finestCells) (local.get $level)))
        ;; The middle of a level is where values of one begin.
        (local.set $low (i32.add (i32.load (i32.add (local.get $columns) (local.get $columnBytes)))
          (i32.shr_u (local.get $levelCells) (i32.const 1))))
        (local.set $n (i32.load (i32.add (local.get $columns) (i32.shl (local.get $columnBytes) (i32.const 1)))))
        (local.set $kind (i32.load (i32.add (local.get $columns) (i32.shl (local.get $columnBytes) (i32.const 2)))))
        ;; What lies on no level, or is wider than 16 bits, is not for this function.
        (if (i32.ge_s (local.get $group) (i32.const 0))
          (then
            (if (i32.or
                  (i32.or
                    (i32.ge_u (local.get $level) (global.get $levels))
                    (i32.gt_u (local.get $kind) (i32.const 2)))
                  (i32.or
                    (i32.gt_u (local.get $low) (local.get $levelCells))
                    (i32.gt_u (i32.add (local.get $low) (local.get $n)) (local.get $levelCells))))
              (then (local.set $group (i32.const -2))))))
        (if (local.get $kind)
          (then
            (local.set $place (i32.sub (i32.shl (i32.const 1) (i32.sub (local.get $kind) (i32.const 1))) (i32.const 1)))
            (local.set $at (i32.and (i32.add (local.get $at) (local.get $place)) (i32.xor (local.get $place) (i32.const -1))))))
        (if (i32.lt_s (local.get $group) (i32.const -1))
          (then
            (i32.store (local.get $left) (local.get $row))
            (i32.store offset=4 (local.get $left) (local.get $id))
            (i32.store offset=8 (local.get $left) (i32.sub (local.get $at) (local.get $counts)))
            (i32.store offset=12 (local.get $left) (i32.shr_u (i32.sub (local.get $width) (local.get $widths)) (i32.const 2)))
            (local.set $left (i32.add (local.get $left) (i32.const 16)))
            (local.set $leftRows (i32.add (local.get $leftRows) (i32.const 1)))))
        (if (i32.lt_s (local.get $group) (i32.const 0))
          (then
            ;; Passed over.
            (if (local.get $kind)
              (then (local.set $at (i32.add (local.get $at) (i32.shl (local.get $n) (i32.sub (local.get $kind) (i32.const 1))))))
              (else
                (local.set $end (i32.add (local.get $width) (i32.shl (i32.shr_u (i32.add (local.get $n) (i32.const 7)) (i32.const 3)) (i32.const 2))))
                (block $passed
                  (loop $pass
                    (br_if $passed (i32.ge_u (local.get $width) (local.get $end)))
                    (local.set $at (i32.add (local.get $at) (i32.load (local.get $width))))
                    (local.set $width (i32.add (local.get $width) (i32.const 4)))
                    (br $pass))))))
          (else
            ;; Its sum and its extremes.
            (local.set $place (i32.add (local.get $sums) (i32.shl (local.get $group) (i32.const 3))))
            (f64.store (local.get $place) (f64.add (f64.load (local.get $place)) (f64.load (local.get $totals))))
            (local.set $place (i32.add (local.get $place) (local.get $sumsBytes)))
            (local.set $value (f64.load (i32.add (local.get $totals) (local.get $totalsBytes))))
            (if (f64.lt (local.get $value) (f64.load (local.get $place)))
              (then (f64.store (local.get $place) (local.get $value))))
            (local.set $place (i32.add (local.get $place) (local.get $sumsBytes)))
            (local.set $value (f64.load (i32.add (local.get $totals) (i32.shl (local.get $totalsBytes) (i32.const 1)))))
            (if (f64.gt (local.get $value) (f64.load (local.get $place)))
              (then (f64.store (local.get $place) (local.get $value))))
            (if (local.get $n)
              (then
                ;; Its range of cells.
                (local.set $place (i32.add
                  (i32.add (local.get $ranges) (i32.shl (local.get $group) (i32.const 2)))
                  (i32.shl (i32.mul (local.get $level) (local.get $rangesBytes)) (i32.const 1))))
                (if (i32.lt_s (local.get $low) (i32.load (local.get $place)))
                  (then (i32.store (local.get $place) (local.get $low))))
                (local.set $place (i32.add (local.get $place) (local.get $rangesBytes)))
                (local.set $end (i32.sub (i32.add (local.get $low) (local.get $n)) (i32.const 1)))
                (if (i32.gt_s (local.get $end) (i32.load (local.get $place)))
                  (then (i32.store (local.get $place) (local.get $end))))
                ;; Its counts.
                (local.set $to (i32.add (local.get $cells) (i32.shl
                  (i32.add
                    (i32.add (i32.mul (local.get $group) (global.get $groupCells)) (local.get $low))
                    (i32.sub (global.get $groupCells) (i32.shl (local.get $levelCells) (i32.const 1))))
                  (i32.const 2))))
                (if (i32.eqz (local.get $kind))
                  (then
                    (local.set $end (i32.add (local.get $width) (i32.shl (i32.shr_u (i32.add (local.get $n) (i32.const 7)) (i32.const 3)) (i32.const 2))))
                    (loop $nextGroup
                      (local.set $bits (i32.load (local.get $width)))
                      (local.set $width (i32.add (local.get $width) (i32.const 4)))
                      (if (local.get $bits)
                        (then
                          (local.set $table (i32.add (global.get $tables) (i32.mul (local.get $bits) (global.get $tableBytes))))
                          (local.set $bytes (v128.load (local.get $at)))
                          (if (i32.le_u (local.get $bits) (i32.const 9))
                            (then
                              (local.set $eight
                                (i16x8.shr_u
                                  (i16x8.mul (i8x16.swizzle (local.get $bytes) (v128.load (local.get $table))) (v128.load offset=16 (local.get $table)))
                                  (i32.sub (i32.const 16) (local.get $bits))))
                              (v128.store (local.get $to)
                                (i32x4.add (v128.load (local.get $to)) (i32x4.extend_low_i16x8_u (local.get $eight))))
                              (v128.store offset=16 (local.get $to)
                                (i32x4.add (v128.load offset=16 (local.get $to)) (i32x4.extend_high_i16x8_u (local.get $eight)))))
                            (else
                              (v128.store (local.get $to)
                                (i32x4.add (v128.load (local.get $to))
                                  (i32x4.shr_u
                                    (i32x4.mul (i8x16.swizzle (local.get $bytes) (v128.load (local.get $table))) (v128.load offset=16 (local.get $table)))
                                    (i32.sub (i32.const 32) (local.get $bits)))))
                              (v128.store offset=16 (local.get $to)
                                (i32x4.add (v128.load offset=16 (local.get $to))
                                  (i32x4.shr_u
                                    (i32x4.mul (i8x16.swizzle (local.get $bytes) (v128.load offset=32 (local.get $table))) (v128.load offset=48 (local.get $table)))
                                    (i32.sub (i32.const 32) (local.get $bits)))))))
                          (local.set $at (i32.add (local.get $at) (local.get $bits)))))
                      (local.set $to (i32.add (local.get $to) (i32.const 32)))
                      (br_if $nextGroup (i32.lt_u (local.get $width) (local.get $end)))))
                  (else
                    (local.set $bits (i32.shl (local.get $kind) (i32.const 3)))
                    (local.set $ahead (local.get $n))
                    (loop $nextEight
                      (local.set $eight
                        (if (result v128) (i32.eq (local.get $kind) (i32.const 1))
                          (then (v128.load8x8_u (local.get $at)))
                          (else (v128.load (local.get $at)))))
                      ;; What is read beyond the last count belongs to the next row.
                      (if (i32.lt_u (local.get $ahead) (i32.const 8))
                        (then
                          (local.set $eight (v128.and (local.get $eight)
                            (v128.load (i32.add (global.get $masks) (i32.shl (local.get $ahead) (i32.const 4))))))
                          (local.set $bits (i32.shl (local.get $ahead) (i32.sub (local.get $kind) (i32.const 1))))
                          (local.set $ahead (i32.const 8))))
                      (v128.store (local.get $to)
                        (i32x4.add (v128.load (local.get $to)) (i32x4.extend_low_i16x8_u (local.get $eight))))
                      (v128.store offset=16 (local.get $to)
                        (i32x4.add (v128.load offset=16 (local.get $to)) (i32x4.extend_high_i16x8_u (local.get $eight))))
                      (local.set $to (i32.add (local.get $to) (i32.const 32)))
                      (local.set $at (i32.add (local.get $at) (local.get $bits)))
                      (local.set $ahead (i32.sub (local.get $ahead) (i32.const 8)))
                      (br_if $nextEight (local.get $ahead)))))))))
        (local.set $columns (i32.add (local.get $columns) (i32.const 4)))
        (local.set $totals (i32.add (local.get $totals) (i32.const 8)))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $next)))
    (local.get $leftRows))

  ;; Takes the cells of one level out of all groups, as doubles one group behind the other, and leaves zeros.
  (func (export "take")
    (param $groups i32)
    (param $ranges i32) (param $rangesBytes i32)
    (param $cells i32)
    (param $to i32) (param $totals i32)
    (local $at i32) (local $end i32) (local $count f64) (local $total f64)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $groups)))
        (local.set $total (f64.const 0))
        (local.set $at (i32.add (local.get $cells) (i32.shl (i32.load (local.get $ranges)) (i32.const 2))))
        (local.set $end (i32.add (local.get $cells)
          (i32.shl (i32.load (i32.add (local.get $ranges) (local.get $rangesBytes))) (i32.const 2))))
        (block $taken
          (loop $nextCell
            (br_if $taken (i32.gt_s (local.get $at) (local.get $end)))
            (local.set $count (f64.convert_i32_u (i32.load (local.get $at))))
            (i32.store (local.get $at) (i32.const 0))
            (f64.store (local.get $to) (local.get $count))
            (local.set $total (f64.add (local.get $total) (local.get $count)))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (local.set $to (i32.add (local.get $to) (i32.const 8)))
            (br $nextCell)))
        (f64.store (local.get $totals) (local.get $total))
        (local.set $totals (i32.add (local.get $totals) (i32.const 8)))
        (local.set $ranges (i32.add (local.get $ranges) (i32.const 4)))
        (local.set $cells (i32.add (local.get $cells) (i32.shl (global.get $groupCells) (i32.const 2))))
        (local.set $groups (i32.sub (local.get $groups) (i32.const 1)))
        (br $next)))))
