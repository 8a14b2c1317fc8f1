import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

/** OTLP's messages, by protobufjs: an implementation that shares nothing with ours. */
const { root } = protobuf.parse(readFileSync(new URL('otlp.proto', import.meta.url), 'utf8'));
root.resolveAll();

/** An OTLP message type by its name. */
export function otlpType(name: string): protobuf.Type {
  return root.lookupType(`otlp.${name}`);
}

/** A message, given as its JSON with lowerCamelCase names (bytes as base64), as protobuf. */
export function encodeOtlp(name: string, message: object): Uint8Array {
  const type = otlpType(name);
  return type.encode(type.fromObject(message)).finish();
}

/**
 * The same message as another encoder might write it: the fields of every message in any order, repeated numbers one
 * by one, in several packed pieces, or in one.
 * @param random numbers in [0, 1)
 */
export function encodeShuffled(name: string, message: object, random: () => number): Uint8Array {
  const type = otlpType(name);
  return encodeMessage(type, type.fromObject(message), random);
}

type Fields = Readonly<Record<string, unknown>>;

function encodeMessage(type: protobuf.Type, message: Fields, random: () => number): Uint8Array {
  const chunks = type.fieldsArray.flatMap((field) => {
    if (!Object.hasOwn(message, field.name) || message[field.name] === null) return [];
    const value = message[field.name];
    const pieces = field.repeated ? piecesOf(field, value as unknown[], random) : [encodeValue(field, value, random)];
    return pieces.map((bytes) => ({ field: field.id, at: 0, bytes }));
  });
  for (const id of new Set(chunks.map(({ field }) => field))) {
    const own = chunks.filter(({ field }) => field === id);
    const places = own.map(random).sort((a, b) => a - b);
    for (const [i, chunk] of own.entries()) chunk.at = places[i];
  }
  return Buffer.concat(chunks.sort((a, b) => a.at - b.at).map(({ bytes }) => bytes));
}

function piecesOf(field: protobuf.Field, values: unknown[], random: () => number): Uint8Array[] {
  const isPackable = field.type in protobuf.types.packed;
  const choice = isPackable ? random() : 0;
  if (choice < 0.3) return values.map((value) => encodeValue(field, value, random));
  const cut = choice < 0.6 ? Math.floor(random() * values.length) : values.length;
  return [values.slice(0, cut), values.slice(cut)]
    .filter((part) => part.length > 0)
    .map((part) => {
      const writer = protobuf.Writer.create()
        .uint32(field.id * 8 + 2)
        .fork();
      for (const value of part) writeScalar(writer, field.type, value);
      return writer.ldelim().finish();
    });
}

function encodeValue(field: protobuf.Field, value: unknown, random: () => number): Uint8Array {
  const writer = protobuf.Writer.create();
  if (field.resolvedType instanceof protobuf.Type)
    return writer
      .uint32(field.id * 8 + 2)
      .bytes(encodeMessage(field.resolvedType, value as Fields, random))
      .finish();
  const scalar = field.resolvedType === null ? field.type : 'int32';
  writer.uint32(field.id * 8 + (protobuf.types.basic as Readonly<Record<string, number>>)[scalar]);
  writeScalar(writer, scalar, value);
  return writer.finish();
}

function writeScalar(writer: protobuf.Writer, scalar: string, value: unknown): void {
  (writer as unknown as Record<string, (value: unknown) => void>)[scalar](value);
}
