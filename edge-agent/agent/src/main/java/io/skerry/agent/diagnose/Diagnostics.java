package io.skerry.agent.diagnose;

import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.serve.CallStatistics;
import io.skerry.agent.serve.ListenAddress;
import io.skerry.agent.serve.ListenException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import jdk.jfr.Configuration;
import jdk.jfr.Recording;

/** Metrics and, on a socket of the agent's own user, diagnostics; both without a restart. */
public final class Diagnostics {
  /** The longest recording, in seconds. */
  static final int RECORDING_SECONDS_MAX = 120;

  private static final int RECORDING_SECONDS = 10;
  private static final long RECORDING_BYTES_MAX = 64L << 20;

  private final ModelSlots slots;
  private final Supplier<CallStatistics> calls;
  private final OperatorTimes operators;
  private final Path scratch;
  private final ReentrantLock recording = new ReentrantLock();
  private final ReentrantLock measuring = new ReentrantLock();

  /**
   * Tells of these models.
   *
   * @param calls what became of calls
   * @param files where the file of a served version lies
   */
  public Diagnostics(ModelSlots slots, Supplier<CallStatistics> calls, ModelFiles files) {
    this(slots, calls, files, Path.of(System.getProperty("java.io.tmpdir")));
  }

  /** The same, writing recordings to this folder until they are answered. */
  Diagnostics(ModelSlots slots, Supplier<CallStatistics> calls, ModelFiles files, Path scratch) {
    this.scratch = scratch;
    this.slots = slots;
    this.calls = calls;
    this.operators = new OperatorTimes(slots, files);
  }

  /**
   * Answers {@code /metrics} for Prometheus.
   *
   * @param address a Unix socket (0660) or a loopback port
   * @throws ListenException if it cannot be used
   */
  public Listening metrics(ListenAddress address) throws ListenException {
    Map<String, LocalHttp.Route> routes = Map.of("/metrics", query -> metricsPage());
    try {
      return switch (address) {
        case ListenAddress.Unix unix ->
            new Listening(LocalHttp.onSocket(unix, "rw-rw----", routes)::close, address, false);
        case ListenAddress.Tcp tcp -> {
          InetAddress host = InetAddress.getByName(tcp.host());
          if (!host.isLoopbackAddress()) {
            throw new ListenException(
                "cannot listen on %s: metrics are told on a loopback address or a Unix socket only"
                    .formatted(address));
          }
          LocalHttp http = LocalHttp.onPort(new InetSocketAddress(host, tcp.port()), routes);
          yield new Listening(http::close, new ListenAddress.Tcp(tcp.host(), http.port()), false);
        }
      };
    } catch (IOException e) {
      throw new ListenException(
          "cannot tell metrics on %s: %s".formatted(address, e.getMessage()), e);
    }
  }

  /**
   * Answers everything on a Unix socket that only the agent's own user may open.
   *
   * @throws ListenException if it cannot be used
   */
  public Listening all(Path socket) throws ListenException {
    Map<String, LocalHttp.Route> routes = new TreeMap<>();
    routes.put("/metrics", query -> metricsPage());
    routes.put("/memory", query -> LocalHttp.Page.text(MemoryPage.of(slots)));
    routes.put("/recording", query -> recorded(number(query, "seconds", RECORDING_SECONDS)));
    routes.put(
        "/operators",
        query ->
            measured(
                query.getOrDefault("model", ""),
                query.getOrDefault("version", ""),
                number(query, "runs", OperatorTimes.RUNS)));
    ListenAddress.Unix address = new ListenAddress.Unix(socket);
    try {
      return new Listening(LocalHttp.onSocket(address, "rw-------", routes)::close, address, true);
    } catch (IOException e) {
      throw new ListenException(
          "cannot tell diagnostics on %s: %s".formatted(socket, e.getMessage()), e);
    }
  }

  /**
   * Something that listens.
   *
   * @param address where it really does
   * @param isWhole whether it tells everything, not metrics only
   */
  public record Listening(Closing server, ListenAddress address, boolean isWhole)
      implements AutoCloseable {
    /** Stops listening. */
    @FunctionalInterface
    public interface Closing {
      void close();
    }

    @Override
    public void close() {
      server.close();
    }
  }

  private LocalHttp.Page metricsPage() throws IOException {
    return LocalHttp.Page.text(MetricsPage.of(slots, calls.get(), AgentVersion.current()));
  }

  // Each loads the model once more: two at a time are more than a device has room for.
  private LocalHttp.Page measured(String model, String version, int runs) throws IOException {
    if (!measuring.tryLock()) {
      return LocalHttp.Page.refusal(409, "operators are measured; ask again when that has ended");
    }
    try {
      return LocalHttp.Page.text(operators.of(model, version, runs));
    } finally {
      measuring.unlock();
    }
  }

  private LocalHttp.Page recorded(int seconds) throws IOException, InterruptedException {
    if (seconds > RECORDING_SECONDS_MAX) {
      throw new IllegalArgumentException(
          "seconds is %d, at most %d are recorded".formatted(seconds, RECORDING_SECONDS_MAX));
    }
    if (!recording.tryLock()) {
      return LocalHttp.Page.refusal(409, "a recording runs; ask again when it has ended");
    }
    try {
      Path file = Files.createTempFile(scratch, "skerry-agent", ".jfr");
      try {
        return flight(seconds, file);
      } finally {
        Files.deleteIfExists(file);
      }
    } finally {
      recording.unlock();
    }
  }

  private static LocalHttp.Page flight(int seconds, Path file)
      throws IOException, InterruptedException {
    try (Recording flight = new Recording(Configuration.getConfiguration("profile"))) {
      flight.setMaxSize(RECORDING_BYTES_MAX);
      flight.start();
      Thread.sleep(Duration.ofSeconds(seconds));
      flight.stop();
      flight.dump(file);
      return new LocalHttp.Page(200, "application/octet-stream", mapped(file));
    } catch (ParseException e) {
      throw new IOException("the runtime has no profile to record with", e);
    }
  }

  // A recording may be larger than the heap. Mapped, it lasts until it is sent, without its name.
  private static ByteBuffer mapped(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
    }
  }

  private static int number(Map<String, String> query, String name, int otherwise) {
    String text = query.get(name);
    if (text == null) {
      return otherwise;
    }
    try {
      int number = Integer.parseInt(text);
      if (number > 0) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Falls through to the one answer for both.
    }
    throw new IllegalArgumentException(
        "%s is '%s', expected a whole number above 0".formatted(name, text));
  }
}
