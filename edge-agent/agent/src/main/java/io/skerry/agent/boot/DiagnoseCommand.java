package io.skerry.agent.boot;

import io.skerry.agent.serve.ListenAddress;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Asks a running agent where its memory and its time go. */
@Command(
    name = "diagnose",
    description = "Asks a running agent where its memory and its time go.",
    mixinStandardHelpOptions = true)
final class DiagnoseCommand implements Callable<Integer> {
  private static final int BYTES_MAX = 256 << 20;

  /** What can be asked. */
  enum What {
    /** Its Prometheus metrics. */
    METRICS,
    /** Memory by owner. */
    MEMORY,
    /** What each operator of a model takes. */
    OPERATORS,
    /** A short flight recording. */
    RECORDING
  }

  @Parameters(paramLabel = "WHAT", description = "${COMPLETION-CANDIDATES}")
  private What what = What.MEMORY;

  @Option(
      names = "--socket",
      paramLabel = "PATH",
      description = "the agent's diagnostics socket (default: beside its usual socket)")
  private @Nullable Path socket;

  @Option(names = "--model", paramLabel = "NAME", description = "for operators: which model")
  private @Nullable String model;

  @Option(
      names = "--version-number",
      paramLabel = "N",
      description = "for operators: which version")
  private @Nullable Long version;

  @Option(names = "--runs", paramLabel = "N", description = "for operators: how many runs")
  private int runs = 50;

  @Option(names = "--seconds", paramLabel = "N", description = "for recording: how long")
  private int seconds = 10;

  @Option(names = "--out", paramLabel = "FILE", description = "for recording: where to write it")
  private @Nullable Path out;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call().
  private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    if (what == What.OPERATORS && model == null) {
      throw misuse("--model is missing: which model's operators?");
    }
    if (what == What.RECORDING && out == null) {
      throw misuse("--out is missing: a recording is a file for JDK Mission Control or 'jfr view'");
    }
    byte[] body = ask(path());
    if (out == null) {
      spec.commandLine().getOut().print(new String(body, StandardCharsets.UTF_8));
      spec.commandLine().getOut().flush();
    } else {
      Files.write(out, body);
      spec.commandLine().getOut().printf("wrote %s%n", out);
    }
    return ExitCode.DONE;
  }

  private String path() {
    return switch (what) {
      case METRICS -> "/metrics";
      case MEMORY -> "/memory";
      case RECORDING -> "/recording?seconds=" + seconds;
      case OPERATORS ->
          "/operators?runs=%d&model=%s%s"
              .formatted(
                  runs,
                  URLEncoder.encode(String.valueOf(model), StandardCharsets.UTF_8),
                  version == null ? "" : "&version=" + version);
    };
  }

  private byte[] ask(String path) {
    Path where = socket();
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(where));
      ByteBuffer request =
          ByteBuffer.wrap(
              "GET %s HTTP/1.1\r\nHost: agent\r\n\r\n"
                  .formatted(path)
                  .getBytes(StandardCharsets.US_ASCII));
      while (request.hasRemaining()) {
        channel.write(request);
      }
      byte[] answer = Channels.newInputStream(channel).readNBytes(BYTES_MAX);
      return body(answer);
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.FAILED,
          "no agent answers on '%s': %s (give --socket, or start the agent with --diagnostics)"
              .formatted(where, e.getMessage()),
          e);
    }
  }

  private static byte[] body(byte[] answer) {
    String text = new String(answer, StandardCharsets.ISO_8859_1);
    int end = text.indexOf("\r\n\r\n");
    if (end < 0 || !text.startsWith("HTTP/1.1 ")) {
      throw new CommandException(ExitCode.FAILED, "the agent's answer is cut off");
    }
    if (!text.startsWith("HTTP/1.1 200 ")) {
      throw new CommandException(ExitCode.FAILED, text.substring(end + 4).strip());
    }
    return Arrays.copyOfRange(answer, end + 4, answer.length);
  }

  private Path socket() {
    if (socket != null) {
      return socket;
    }
    return ListenAddress.usual(System.getenv())
        .filter(ListenAddress.Unix.class::isInstance)
        .map(usual -> ServeOptions.diagnosticsOf(((ListenAddress.Unix) usual).path()))
        .orElseThrow(() -> misuse("no usual place for a socket here: give --socket"));
  }

  private ParameterException misuse(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
