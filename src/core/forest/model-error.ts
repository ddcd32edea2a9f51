/** Raised by the readers: the bytes are no model that kpfd can evaluate. The message is a half sentence about it. */
export class ModelError extends Error {
  override readonly name: string = 'ModelError';
}
