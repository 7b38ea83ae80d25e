package io.skerry.control;

import io.skerry.control.host.StartException;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;

/** Looks at a port before anything is made, so that a taken one leaves nothing half made. */
final class FreePort {
  private FreePort() {}

  /**
   * Passes if the port can be listened on now; 0 always can.
   *
   * @throws StartException if another program has it
   */
  static void require(String host, int port, String option) {
    try (ServerSocket probe = new ServerSocket()) {
      probe.setReuseAddress(true);
      probe.bind(new InetSocketAddress(host, port));
    } catch (BindException e) {
      throw new StartException(
          "port %d on %s cannot be had (%s): stop the program that uses it, or choose another with %s"
              .formatted(port, host, e.getMessage(), option),
          e);
    } catch (IOException e) {
      throw new StartException("%s: %s".formatted(option, e.getMessage()), e);
    }
  }

  /** The port itself, or one that is free now for 0. */
  static int chosen(String host, int port) {
    if (port != 0) {
      return port;
    }
    try (ServerSocket probe = new ServerSocket()) {
      probe.bind(new InetSocketAddress(host, 0));
      return probe.getLocalPort();
    } catch (IOException e) {
      throw new StartException("no free port on %s: %s".formatted(host, e.getMessage()), e);
    }
  }
}
