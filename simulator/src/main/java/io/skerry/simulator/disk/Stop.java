package io.skerry.simulator.disk;

/** Where in an operation the machine stops. */
public enum Stop {
  /** The operation has no effect. */
  BEFORE,
  /** Half of a write is done; of any other operation nothing. */
  INSIDE,
  /** The operation is done, its caller never learns of it. */
  AFTER
}
