package io.skerry.control.host;

import jakarta.inject.Singleton;
import java.util.concurrent.CompletableFuture;

/** Tells the server's addresses once its ports are open. */
@Singleton
public final class Addresses {
  private final CompletableFuture<ServerAddress> address = new CompletableFuture<>();

  /** Called once, when the ports are open. */
  public void open(ServerAddress opened) {
    address.complete(opened);
  }

  /**
   * The addresses.
   *
   * @throws IllegalStateException before the ports are open
   */
  public ServerAddress get() {
    ServerAddress known = address.getNow(null);
    if (known == null) {
      throw new IllegalStateException("the server's ports are not open yet");
    }
    return known;
  }
}
