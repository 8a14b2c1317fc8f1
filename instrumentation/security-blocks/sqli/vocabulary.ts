/**
 * What each word of SQL is to the lexer: one letter. The dialects are MySQL and MariaDB, PostgreSQL, SQL Server, Oracle,
 * SQLite and, where an attack is known for them, Db2, Firebird, HSQLDB, H2, Informix, Vertica, ClickHouse, Access.
 * @see the manuals' lists of reserved words and functions; the payloads' families: OWASP WSTG-INPV-05
 */

/** Letters of words that are not followed by `(`. The patterns' documentation explains every letter. */
const keywordsByLetter: Readonly<Record<string, string>> = {
  a: 'and or xor',
  '!': 'not',
  l: 'like rlike regexp ilike glob similar between in is div mod match sounds contains overlaps isnull notnull against',
  U: 'union intersect except minus',
  A: 'all distinct distinctrow top sql_no_cache sql_cache sql_calc_found_rows sql_small_result sql_big_result sql_buffer_result straight_join high_priority',
  E: 'select',
  F: 'from',
  H: 'where having',
  L: 'limit offset fetch',
  I: 'into',
  S: 'set values',
  X: 'exec execute call',
  D: 'insert update delete drop create alter truncate replace merge grant revoke rename',
  T: 'table database schema view user login function procedure index trigger role tablespace sequence extension column databases tables columns',
  V: 'declare',
  P: 'begin if kill shutdown backup restore attach detach pragma load copy show handler do use print bulk dbcc commit rollback dump lock unlock reconfigure analyze explain describe prepare raiserror while throw vacuum notify listen',
  C: 'case',
  G: 'when',
  J: 'then else',
  Z: 'end',
  r: 'join on using natural left right inner outer cross as by for with returning escape collate asc desc over partition order group low_priority ignore quick immediate',
  k: 'null true false unknown current_user current_date current_time current_timestamp session_user system_user localtime localtimestamp sysdate rownum',
  B: 'orderby groupby',
  // Its own pages: the largest table that Informix has.
  R: 'sysmaster:syspaghdr',
};

/** Letters of words that are followed by `(`. */
const functionsByLetter: Readonly<Record<string, string>> = {
  // They wait as long as their argument says.
  t: 'sleep pg_sleep pg_sleep_for pg_sleep_until dbms_pipe.receive_message dbms_lock.sleep dbms_session.sleep dbms_lock.request user_lock.sleep sleepeachrow get_lock fuzzbits',
  // They wait as long as their first of several arguments says.
  j: 'benchmark',
  // They put their argument into an error message.
  e: 'extractvalue updatexml gtid_subset gtid_subtract json_keys name_const xmltype utl_inaddr.get_host_address utl_inaddr.get_host_name ctxsys.drithsx.sn drithsx.sn dbms_utility.sqlid_to_sqlhash dbms_xdb_version.checkin dbms_xdb_version.makeversioned dbms_xdb_version.uncheckout dbms_xmlgen.getxml ordsys.ord_dicom.getmappingxpath polygon multipoint linestring multilinestring multipolygon geometrycollection st_latfromgeohash st_longfromgeohash st_pointfromgeohash uuid_to_bin bin_to_uuid ms_trunc parse_data_size to_posixtime query_to_xml xmlparse raise_application_error raise_error getsetting bin_shl inet_aton exp convert cast floor json json_extract to_number to_date zeroifnull string_to_array getxmltype',
  // They read or write files, or speak to other machines.
  g: 'load_file bfilename pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file lo_import lo_export lo_get lo_from_bytea load_extension readfile writefile utl_http.request utl_http.request_pieces httpuritype dbms_ldap.init utl_tcp.open_connection utl_smtp.open_connection utl_file.fopen dblink dblink_connect dblink_send_query openrowset opendatasource openquery openxml xp_dirtree xp_fileexist xp_subdirs fn_xe_file_target_read_file fn_trace_gettable fn_get_audit_file',
  // They run programs.
  x: 'xp_cmdshell sys_eval sys_exec sys_get sp_oacreate sp_oamethod sp_execute_external_script sp_start_job dbms_scheduler.create_job dbms_java_test.funcall dbms_java.runjava dbms_export_extension.get_domain_index_tables java_exec runcmd',
  // They join strings, as leaked ones are marked.
  N: 'concat concat_ws group_concat wm_concat',
  // They make large values, so that a query takes long.
  R: 'repeat replicate randomblob zeroblob generate_series rpad lpad space numbers',
  // They tell about the server, the user, the schema.
  i: 'version user database schema current_user session_user system_user user_name db_name suser_name suser_sname original_login host_name sqlite_version sqlite_source_id current_database current_schema current_schemas current_setting inet_server_addr pg_backend_pid is_srvrolemember is_member has_dbaccess object_id object_name col_name col_length db_id serverproperty connection_id last_insert_id row_count found_rows fn_varbintohexstr fn_my_permissions sys_context pg_client_encoding pg_get_userbyid col_description table_to_xml',
  // They take strings apart, compare, or choose: what blind reading and obfuscation are made of.
  b: 'ascii ord substring substr mid left right length len char_length character_length octet_length bit_length datalength char chr nchar hex unhex elt make_set iif if ifnull nullif isnull nvl nvl2 coalesce decode strcmp instr locate position charindex patindex bin conv string_agg listagg array_agg stuff reverse lower upper ucase lcase trim ltrim rtrim replace md5 sha1 sha2 sha rand random crypt_key round count sum min max avg to_char to_hex quote quote_literal quote_ident quotename row regexp_substring regexp_substr regexp_like regexp_replace greatest least sign mod pow power crc32 exists unicode choose interval field find_in_set export_set row_number pi cot cos sin ceil ceiling now sysdate xmlconcat xmlelement xmlagg xmlforest to_base64 from_base64 ln log sqrt abs tan aes_encrypt aes_decrypt compress uncompress encode collation charset coercibility cdbl cvar clng cint dcount last first typeof try_cast try_convert json_object json_array json_depth json_value any some all translate split_part overlay initcap soundex period_diff weight_string bitcount bitstring_to_binary utl_raw.cast_to_raw utl_raw.cast_to_varchar2 rawtohex hextoraw utl_encode.base64_encode dbms_random.value spatial date_add procedure analyse',
};

/** Names of catalogues, matched on the last two parts of a dotted name. */
const catalogue =
  /^(?:information_schema|pg_catalog|performance_schema|sysibm|syscat|sysmaster|sys|mysql|master|msdb|tempdb|rdb\$\w+|domain)\.|^(?:information_schema|sqlite_(?:master|schema|temp_master)|msys\w+|pg_(?:user|shadow|class|database|tables|authid|roles|stat_activity)|(?:all|user|dba)_(?:tables|tab_columns|users|objects|views|source|role_privs|sys_privs)|v\$\w+|gv\$\w+|rdb\$\w+|sys(?:objects|columns|databases|users|tables|logins|servers|processes|xlogins|dummy1)|dual|global_name|wp_users)$/;

/** Owners that a call may name before a built-in function. */
const owner = /^(?:sys|pg_catalog|master|msdb|mysql|dbo)?\.(?:dbo)?\.?(?=\w)/;

function invert(byLetter: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(byLetter).flatMap(([letter, words]) => words.split(' ').map((word) => [word, letter])));
}

const keywords = invert(keywordsByLetter);
const functions = invert(functionsByLetter);

/** The letter of a word that stands alone; undefined for a name. */
export function letterOfWord(word: string): string | undefined {
  const letter = keywords.get(word);
  if (letter !== undefined) return letter;
  if (mayBeSystemName(word)) {
    const program = ownName(word);
    if (program.startsWith('xp_') || program.startsWith('sp_')) return letterOfProcedure(program);
    if (catalogue.test(word)) return 'm';
    const called = word.includes('.') ? functions.get(program) : undefined;
    if (called !== undefined && 'tgx'.includes(called)) return called;
  }
  return undefined;
}

/** Names of catalogues and procedures have such signs, or such beginnings. */
function mayBeSystemName(word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i);
    if (code === 46 || code === 36 || code === 95) return true;
  }
  return word === 'dual' || word.startsWith('sys') || word.startsWith('msys');
}

/** SQL Server calls its procedures without parentheses. */
function letterOfProcedure(name: string): string {
  return functions.get(name) ?? (name.startsWith('xp_') ? 'x' : 'b');
}

/** The letter of a word that is followed by `(`; undefined for an unknown function. */
export function letterOfFunction(name: string): string | undefined {
  return functions.get(name) ?? (name.includes('.') ? functions.get(ownName(name)) : undefined);
}

function ownName(name: string): string {
  return name.includes('.') ? name.replace(owner, '') : name;
}

/** Server variables of MySQL and SQL Server that injections ask for. */
export const serverVariable =
  /^@@(?:(?:global|session)\.)?(?:version\w*|servername|hostname|datadir|basedir|tmpdir|language|spid|servicename|secure_file_priv|innodb\w*|max_\w+|lock_timeout|options|dbts|langid|textsize|rowcount|error|identity|connections|cpu_busy|user|plugin_dir|port|read_only|sql_mode)$/;

/** Words that may follow a number directly: `1union`; in some lexers behind the mark of its type, the group: `1funion`. */
export const gluedToNumber =
  /^([edfx]?)(?:union|or|and|xor|from|like|rlike|order|group|having|into|where|limit|div|is|in)$/;
