import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** The part of WebAssembly used here; its types ship with the DOM's only. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => WasmInstance
}

interface WasmInstance {
  readonly exports: object
}

/** What emscripten's factory leaves on the object it is given. */
interface WasmModule {
  HEAPU8: Uint8Array
  instantiateWasm(imports: object, receive: (instance: WasmInstance) => void): unknown
  print(line: string): void
  printErr(line: string): void
  _malloc(bytes: number): number
  _free(pointer: number): void
  _wasm_parse_query_raw(text: number): number
  _wasm_free_parse_result(result: number): void
  getValue(pointer: number, type: 'i32'): number
  UTF8ToString(pointer: number): string
}

type Factory = (module: Partial<WasmModule>) => Promise<unknown>

/** The raw answer: the tree as JSON, or PostgreSQL's message and the code point it points at. */
export type RawParse = { readonly json: string } | { readonly message: string; readonly codePoint: number }

// One huge text makes WASM memory grow for good; beyond this the instance is not worth keeping.
const KEEP_BELOW_BYTES = 192 * 1024 * 1024

const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly
const require = createRequire(import.meta.url)
const utf8 = new TextEncoder()

let compiled: object | undefined
let current: WasmModule | undefined

/**
 * An instance made without awaiting anything. The factory is an async function only because it awaits the
 * instantiation; everything needed here is on the module as soon as `receive` returned.
 */
function instantiate(): WasmModule {
  const factory = require('libpg-query/wasm/libpg-query.js') as Factory
  compiled ??= new Module(readFileSync(require.resolve('libpg-query/wasm/libpg-query.wasm')))
  const code = compiled
  const silent = () => undefined
  const module: Partial<WasmModule> = {
    print: silent,
    printErr: silent,
    instantiateWasm(imports, receive) {
      const instance = new Instance(code, imports)
      receive(instance)
      return instance.exports
    },
  }
  factory(module).catch(silent)
  return module as WasmModule
}

/**
 * Hands a text to PostgreSQL's own grammar (libpg-query, WASM). The first call compiles it.
 *
 * A text nested deeper than the stack ends in a trap inside WASM that leaves PostgreSQL's own bookkeeping undefined:
 * the instance is thrown away, and the error passed on.
 *
 * @throws {Error} when the engine itself gave up (stack or memory exhausted), not for a syntax error.
 */
export function parseRaw(sql: string): RawParse {
  const engine = (current ??= instantiate())
  const exitCode = process.exitCode
  try {
    const answer = parseWith(engine, sql)
    if (engine.HEAPU8.length > KEEP_BELOW_BYTES) current = undefined
    return answer
  } catch (error) {
    current = undefined
    // Emscripten writes its own status there when it aborts.
    process.exitCode = exitCode
    throw new Error(`PostgreSQL's grammar gave up on a text of ${sql.length} characters`, { cause: error })
  }
}

function parseWith(engine: WasmModule, sql: string): RawParse {
  const bytes = Buffer.byteLength(sql)
  const text = engine._malloc(bytes + 1)
  if (text === 0) throw new RangeError('out of WASM memory')
  utf8.encodeInto(sql, engine.HEAPU8.subarray(text, text + bytes))
  engine.HEAPU8[text + bytes] = 0
  const result = engine._wasm_parse_query_raw(text)
  // struct PgQueryParseResult { char *tree; char *stderr; PgQueryError *error }
  const tree = engine.getValue(result, 'i32')
  const error = engine.getValue(result + 8, 'i32')
  const answer =
    error === 0
      ? { json: engine.UTF8ToString(tree) }
      : {
          message: engine.UTF8ToString(engine.getValue(error, 'i32')),
          // PgQueryError.cursorpos, counted in characters from 1.
          codePoint: Math.max(0, engine.getValue(error + 16, 'i32') - 1),
        }
  engine._wasm_free_parse_result(result)
  engine._free(text)
  return answer
}
