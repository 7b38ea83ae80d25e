package io.skerry.e2e.net;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A loopback port that passes bytes on to another one, well or badly: to one that is given, or, as
 * a web proxy does, to the one that each connection asks for.
 *
 * <p>It stands above TCP, so what a network does to packets shows as what TCP makes of it: a lost
 * packet is a wait of a retransmission's length, a partition is silence (nothing is refused,
 * nothing is lost that a retransmission would bring), and nothing is doubled or reordered within a
 * connection. Thread-safe.
 */
public final class TcpProxy implements AutoCloseable {
  private static final int BUFFER_BYTES = 16 * 1024;
  private static final int CONNECT_MILLIS = 5_000;
  private static final int HEAD_BYTES_MAX = 8 * 1024;
  private static final int ASKED_FOR = 0;
  private static final Pattern QUESTION = Pattern.compile("CONNECT [^ :]+:(\\d+) HTTP/1\\.1\r\n");

  /** The way of a byte. */
  public enum Way {
    /** From who connected to whom it is meant for. */
    UP,
    /** Back. */
    DOWN
  }

  private static final class Lane {
    private boolean open = true;
    private Duration delay = Duration.ZERO;
    private int bytesPerSecond = Integer.MAX_VALUE;
    private double loss;
  }

  private record Pair(Socket near, Socket far) {}

  private final ServerSocket server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Set<Pair> pairs = ConcurrentHashMap.newKeySet();
  private final Set<Socket> abandoned = ConcurrentHashMap.newKeySet();
  private final AtomicLong connections = new AtomicLong();
  private final Lane up = new Lane();
  private final Lane down = new Lane();
  private final Random random = new Random(5);
  private volatile int target;
  private volatile boolean refusing;

  private TcpProxy(ServerSocket server, int target) {
    this.server = server;
    this.target = target;
  }

  /** Listens on a free loopback port for what is meant for another one. */
  public static TcpProxy before(int target) throws IOException {
    ServerSocket server = new ServerSocket(0, 512, InetAddress.getLoopbackAddress());
    TcpProxy proxy = new TcpProxy(server, target);
    proxy.threads.execute(proxy::accept);
    return proxy;
  }

  /** A web proxy for HTTPS on a free loopback port; whoever asks is led to this machine. */
  public static TcpProxy forHttps() throws IOException {
    return before(ASKED_FOR);
  }

  /** Where to connect to. */
  public int port() {
    return server.getLocalPort();
  }

  /** Connections that were accepted so far. */
  public long connections() {
    return connections.get();
  }

  /** Connections from now on go to another port. */
  public void target(int port) {
    target = port;
  }

  /** Nothing gets through this way until {@link #heal}; new connections stay unanswered. */
  public void partition(Way way) {
    change(way, lane -> lane.open = false);
  }

  /** Nothing gets through either way until {@link #heal}. */
  public void partition() {
    partition(Way.UP);
    partition(Way.DOWN);
  }

  /** Every byte this way comes later by this much. */
  public void delay(Way way, Duration delay) {
    change(way, lane -> lane.delay = delay);
  }

  /** A slow line. */
  public void throttle(Way way, int bytesPerSecond) {
    change(way, lane -> lane.bytesPerSecond = bytesPerSecond);
  }

  /** This share of pieces is lost and comes with a retransmission, 200 ms later. */
  public void lose(Way way, double share) {
    change(way, lane -> lane.loss = share);
  }

  /** Ends every connection with a reset. */
  public void reset() {
    for (Pair pair : pairs) {
      for (Socket socket : new Socket[] {pair.near(), pair.far()}) {
        try {
          socket.setSoLinger(true, 0);
        } catch (IOException e) {
          // It is gone already, which is what we want.
        }
        close(socket);
      }
    }
  }

  /** Closes the far ends only: whoever connected is told nothing and waits. */
  public void halfOpen() {
    for (Pair pair : pairs) {
      abandoned.add(pair.near());
      close(pair.far());
    }
  }

  /** From now on connections are accepted and ended at once, as by a host without the service. */
  public void refuse() {
    refusing = true;
    reset();
  }

  /** Everything is well again; connections that were left half open are ended. */
  public void heal() {
    for (Way way : Way.values()) {
      change(
          way,
          lane -> {
            lane.open = true;
            lane.delay = Duration.ZERO;
            lane.bytesPerSecond = Integer.MAX_VALUE;
            lane.loss = 0;
          });
    }
    refusing = false;
    abandoned.forEach(TcpProxy::close);
    abandoned.clear();
  }

  private interface Change {
    void apply(Lane lane);
  }

  private void change(Way way, Change change) {
    Lane lane = lane(way);
    synchronized (lane) {
      change.apply(lane);
      lane.notifyAll();
    }
  }

  private Lane lane(Way way) {
    return way == Way.UP ? up : down;
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket near = server.accept();
        connections.incrementAndGet();
        if (refusing) {
          near.setSoLinger(true, 0);
          near.close();
        } else {
          threads.execute(() -> connect(near));
        }
      } catch (IOException e) {
        if (!server.isClosed()) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  private void connect(Socket near) {
    Socket far = new Socket();
    try {
      int port = target == ASKED_FOR ? asked(near) : target;
      far.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), CONNECT_MILLIS);
      near.setTcpNoDelay(true);
      far.setTcpNoDelay(true);
    } catch (IOException e) {
      close(near);
      close(far);
      return;
    }
    Pair pair = new Pair(near, far);
    pairs.add(pair);
    threads.execute(() -> pump(pair, Way.UP));
    threads.execute(() -> pump(pair, Way.DOWN));
  }

  private static int asked(Socket near) throws IOException {
    StringBuilder head = new StringBuilder();
    InputStream in = near.getInputStream();
    while (!head.toString().endsWith("\r\n\r\n")) {
      int read = in.read();
      if (read < 0 || head.length() == HEAD_BYTES_MAX) {
        throw new IOException("no question to a web proxy");
      }
      head.append((char) read);
    }
    Matcher question = QUESTION.matcher(head);
    if (!question.lookingAt()) {
      throw new IOException("no question to a web proxy: " + head);
    }
    near.getOutputStream().write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    return Integer.parseInt(question.group(1));
  }

  private void pump(Pair pair, Way way) {
    byte[] buffer = new byte[BUFFER_BYTES];
    try {
      InputStream in = (way == Way.UP ? pair.near() : pair.far()).getInputStream();
      OutputStream out = (way == Way.UP ? pair.far() : pair.near()).getOutputStream();
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        pass(lane(way), buffer, read, out);
      }
    } catch (IOException e) {
      // One end is gone; the other is told below.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    close(pair.far());
    if (!abandoned.contains(pair.near())) {
      close(pair.near());
    }
    pairs.remove(pair);
  }

  private void pass(Lane lane, byte[] buffer, int length, OutputStream out)
      throws IOException, InterruptedException {
    int sent = 0;
    while (sent < length) {
      int piece;
      long wait;
      synchronized (lane) {
        while (!lane.open) {
          lane.wait();
        }
        boolean slow = lane.bytesPerSecond != Integer.MAX_VALUE;
        piece = slow ? Math.clamp(lane.bytesPerSecond / 10, 1, length - sent) : length - sent;
        wait = lane.delay.toMillis() + (slow ? 1000L * piece / lane.bytesPerSecond : 0);
        if (lane.loss > 0 && random.nextDouble() < lane.loss) {
          wait += 200;
        }
        if (wait > 0) {
          long end = System.nanoTime() + wait * 1_000_000;
          for (long left = wait; left > 0; left = (end - System.nanoTime()) / 1_000_000) {
            lane.wait(left);
          }
        }
        while (!lane.open) {
          lane.wait();
        }
      }
      out.write(buffer, sent, piece);
      sent += piece;
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // Nobody can do anything about it.
    }
  }

  @Override
  public void close() {
    try {
      server.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    heal();
    for (Pair pair : pairs) {
      close(pair.near());
      close(pair.far());
    }
    threads.shutdownNow();
  }
}
