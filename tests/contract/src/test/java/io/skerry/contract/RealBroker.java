package io.skerry.contract;

import java.nio.file.Path;

/**
 * A real broker that is started once for all tests of a class.
 *
 * @param authority that it trusts, and that certificates are of
 */
record RealBroker(LinkBroker broker, LinkAuthority authority) implements AutoCloseable {
  /** Starts one in a folder. */
  @FunctionalInterface
  interface Kind {
    LinkBroker start(Path folder, LinkAuthority authority) throws Exception;
  }

  static RealBroker start(Kind kind, Path folder) throws Exception {
    LinkAuthority authority = new LinkAuthority();
    return new RealBroker(kind.start(folder, authority), authority);
  }

  @Override
  public void close() {
    broker.close();
  }
}
