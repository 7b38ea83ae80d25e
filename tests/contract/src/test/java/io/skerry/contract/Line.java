package io.skerry.contract;

import java.io.IOException;

/** What lies between a client and its broker. */
interface Line extends AutoCloseable {
  /** Ends every connection and takes no more. */
  void cut() throws IOException;

  /** Carries nothing more in either direction, but keeps the connections. */
  void stall();

  /** Carries nothing more to the broker, but still what it sends. */
  void stallTowardsBroker();

  /** Is whole again; what was cut stays cut. */
  void mend();

  @Override
  void close() throws IOException;
}
