package io.skerry.contract;

/** A broker on loopback that lets everybody in, and forgets everything when it ends. */
interface BareBroker {
  int port();

  /** Ends without a word to anybody, and starts again on the same port with nothing in it. */
  void restartEmpty() throws Exception;

  /** Ends it. */
  void stop() throws Exception;
}
