package io.skerry.simulator.disk;

/** How operations fail while the machine goes on. */
public enum Failure {
  /** No byte more fits; renaming and deleting still work. */
  FULL,
  /** Nothing can be changed. */
  READ_ONLY,
  /**
   * Half of a write is done, then the device fails; forcing fails too, and what was to be forced
   * counts as clean from then on, as Linux does: a later force of it says nothing.
   */
  SHORT_WRITE,
  /** What lies on it cannot be read; names and sizes can, and writing works. */
  UNREADABLE
}
