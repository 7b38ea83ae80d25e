package io.skerry.contract;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;

/** A line between a client and a server on loopback that can be cut, or carry nothing any more. */
final class FaultyLine implements Line {
  private final ServerSocket server;
  private final int broker;
  private final List<Socket> open = new CopyOnWriteArrayList<>();
  private volatile boolean cut;
  private volatile boolean stalledOut;
  private volatile boolean stalledBack;
  private final AtomicLong backLeft = new AtomicLong(Long.MAX_VALUE);

  FaultyLine(int broker) throws IOException {
    this.broker = broker;
    this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.startVirtualThread(this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  @Override
  public void cut() throws IOException {
    cut = true;
    for (Socket socket : open) {
      socket.close();
    }
  }

  /** Is cut when so many more bytes have come back. */
  void cutAfter(long bytes) {
    backLeft.set(bytes);
  }

  @Override
  public void stall() {
    stalledOut = true;
    stalledBack = true;
  }

  @Override
  public void stallTowardsBroker() {
    stalledOut = true;
  }

  @Override
  public void mend() {
    cut = false;
    stalledOut = false;
    stalledBack = false;
    backLeft.set(Long.MAX_VALUE);
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        if (cut) {
          client.close();
        } else {
          carry(client);
        }
      } catch (IOException e) {
        // The end, or a broker that is not there: the client tries again.
      }
    }
  }

  private void carry(Socket client) throws IOException {
    open.add(client);
    try {
      Socket far = new Socket(InetAddress.getLoopbackAddress(), broker);
      open.add(far);
      Thread.startVirtualThread(
          () -> pump(client, far, () -> stalledOut, new AtomicLong(Long.MAX_VALUE)));
      Thread.startVirtualThread(() -> pump(far, client, () -> stalledBack, backLeft));
    } catch (IOException e) {
      client.close();
      throw e;
    }
  }

  private void pump(Socket from, Socket to, BooleanSupplier stalled, AtomicLong left) {
    byte[] buffer = new byte[8192];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        while (stalled.getAsBoolean()) {
          TimeUnit.MILLISECONDS.sleep(10);
        }
        long room = left.getAndAdd(-count);
        out.write(buffer, 0, Math.clamp(room, 0, count));
        out.flush();
        if (room <= count) {
          cut();
        }
      }
    } catch (IOException e) {
      // One side left: the other is closed with it.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() throws IOException {
    stalledOut = false;
    stalledBack = false;
    server.close();
    for (Socket socket : open) {
      socket.close();
    }
  }
}
