package io.skerry.contract;

/**
 * A broker on loopback that takes clients with certificates of one authority only, knows them by
 * their common names, and forgets everything when it ends.
 */
interface LinkBroker extends AutoCloseable {
  int port();

  /** Ends without waiting for anybody, and starts again on the same port with nothing in it. */
  void restartEmpty() throws Exception;

  @Override
  void close();
}
