/**
 * What went wrong, in one word a program can compare:
 *
 * - `EMULATOR_OPTIONS`: an option that does not exist, or a value that is not allowed;
 * - `EMULATOR_BINARIES`: PostgreSQL's programs are missing or do not run;
 * - `EMULATOR_PORT_IN_USE`: the reader cannot listen where it was asked to;
 * - `EMULATOR_START`: a server did not come up, or the standby does not follow;
 * - `EMULATOR_FAULT`: a fault cannot be made on these servers, or not now;
 * - `EMULATOR_ATTACH`: servers that run already are not there, are no pair, or are not ours to do this to;
 * - `EMULATOR_CONTAINERS`: no container engine answers, or servers did not come up in containers;
 * - `EMULATOR_LAG`: the standby cannot do what was asked of its replay, or not now;
 * - `EMULATOR_RESET`: a database cannot be put back as it was, or not made;
 * - `EMULATOR_REPLAY`: conformance cases cannot be replayed on these servers;
 * - `EMULATOR_STOP`: something was left behind.
 */
export type EmulatorErrorCode =
  | 'EMULATOR_OPTIONS'
  | 'EMULATOR_BINARIES'
  | 'EMULATOR_PORT_IN_USE'
  | 'EMULATOR_START'
  | 'EMULATOR_FAULT'
  | 'EMULATOR_ATTACH'
  | 'EMULATOR_CONTAINERS'
  | 'EMULATOR_LAG'
  | 'EMULATOR_RESET'
  | 'EMULATOR_STOP'
  | 'EMULATOR_REPLAY'

/** Every error that starting, using or stopping the emulator raises by itself. */
export class EmulatorError extends Error {
  override readonly name = 'EmulatorError'
  readonly code: EmulatorErrorCode

  constructor(code: EmulatorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
