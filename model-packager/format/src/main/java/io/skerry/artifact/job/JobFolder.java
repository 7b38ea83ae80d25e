package io.skerry.artifact.job;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.api.Dump;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * The folder of one job.
 *
 * <pre>{@code
 * job.yaml         what to do             written by the control plane
 * input/           what to do it with     written by the control plane
 * progress.jsonl   one JSON object a line, appended while the process runs
 * output/          the result: output.part/ until the process has succeeded
 * error.json       {"code", "detail"} when it failed
 * trace.txt        the stack trace, when the failure was not foreseen
 * tmp/             the process's temporary files; gone when it has ended, however it ended
 * }</pre>
 */
public final class JobFolder {
  /** Lines of {@code progress.jsonl} that are read. */
  public static final int PROGRESS_LINES_MAX = 10_000;

  static final String JOB_FILE = "job.yaml";
  private static final String PROGRESS_FILE = "progress.jsonl";
  private static final String ERROR_FILE = "error.json";
  private static final String PART = "output.part";
  private static final int JOB_BYTES_MAX = 1 << 20;
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private final Path folder;

  private JobFolder(Path folder) {
    this.folder = folder;
  }

  /** The folder at this place, for a job that exists. */
  public static JobFolder at(Path folder) {
    return new JobFolder(folder);
  }

  /** A new job at this place, with an empty {@code input/}. */
  public static JobFolder create(Path folder, Map<String, Object> job) throws IOException {
    Files.createDirectories(folder.resolve("input"));
    String yaml =
        new Dump(DumpSettings.builder().setDefaultFlowStyle(FlowStyle.BLOCK).build())
            .dumpToString(job);
    Files.writeString(folder.resolve(JOB_FILE), yaml);
    return new JobFolder(folder);
  }

  /** Where it is. */
  public Path path() {
    return folder;
  }

  /** The file or folder of this name under {@code input/}. */
  public Path input(String name) {
    return folder.resolve("input").resolve(name);
  }

  /** The result; there only when the job has succeeded. */
  public Path output() {
    return folder.resolve("output");
  }

  /** What the process has made so far; gone when the job has succeeded. */
  public Path unfinishedOutput() {
    return folder.resolve(PART);
  }

  /**
   * Where the process and what it starts keep temporary files. Too long a name for Unix sockets,
   * perhaps.
   */
  public Path temporary() {
    return folder.resolve("tmp");
  }

  /** Removes all temporary files; of a process that still runs, those that it has made so far. */
  public void removeTemporary() throws IOException {
    deleteTree(temporary());
  }

  /** Removes everything but what was asked for and what the process said of it. */
  public void removeWork() throws IOException {
    for (String name : List.of("input", PART, "output", "tmp")) {
      deleteTree(folder.resolve(name));
    }
  }

  /** Removes the folder. */
  public void remove() throws IOException {
    deleteTree(folder);
  }

  /**
   * What {@code job.yaml} asks for.
   *
   * @throws JobFailure if it is missing, unreadable or no map
   */
  public JobSpec spec() {
    Path file = folder.resolve(JOB_FILE);
    try {
      if (Files.size(file) > JOB_BYTES_MAX) {
        throw new JobFailure(ErrorCode.REQUEST_INVALID, "%s is larger than 1 MiB".formatted(file));
      }
      Object loaded =
          new Load(LoadSettings.builder().setLabel(JOB_FILE).build())
              .loadFromString(Files.readString(file));
      if (!(loaded instanceof Map<?, ?> map)) {
        throw new JobFailure(ErrorCode.REQUEST_INVALID, "%s is no map".formatted(file));
      }
      return new JobSpec(textKeys(map));
    } catch (IOException | YamlEngineException e) {
      throw new JobFailure(
          ErrorCode.REQUEST_INVALID, "%s is unreadable: %s".formatted(file, oneLine(e)), e);
    }
  }

  /** Appends one line of progress; the process's side. */
  public void report(JobProgress progress) {
    try {
      Files.writeString(
          folder.resolve(PROGRESS_FILE),
          GSON.toJson(progress) + "\n",
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException("progress of job %s".formatted(folder), e);
    }
  }

  /** The progress so far, oldest first; a line that is being written now is left out. */
  public List<JobProgress> progress() throws IOException {
    Path file = folder.resolve(PROGRESS_FILE);
    if (!Files.exists(file)) {
      return List.of();
    }
    List<JobProgress> progress = new ArrayList<>();
    try (Stream<String> lines = Files.lines(file, StandardCharsets.UTF_8)) {
      for (String line : (Iterable<String>) lines.limit(PROGRESS_LINES_MAX)::iterator) {
        try {
          JobProgress parsed = GSON.fromJson(line, JobProgress.class);
          if (parsed != null) {
            progress.add(parsed);
          }
        } catch (JsonParseException e) {
          // Torn: the process is in the middle of this line, the next read will see it whole.
          break;
        }
      }
    } catch (UncheckedIOException e) {
      throw new IOException("%s is unreadable".formatted(file), e.getCause());
    }
    return List.copyOf(progress);
  }

  /** How the job failed, if it did. */
  public Optional<JobError> error() throws IOException {
    Path file = folder.resolve(ERROR_FILE);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      return Optional.ofNullable(GSON.fromJson(Files.readString(file), JobError.class));
    } catch (JsonParseException e) {
      throw new IOException("%s is unreadable".formatted(file), e);
    }
  }

  Path beginOutput() throws IOException {
    Path part = unfinishedOutput();
    deleteTree(part);
    deleteTree(output());
    Files.deleteIfExists(folder.resolve(ERROR_FILE));
    return Files.createDirectories(part);
  }

  void commitOutput(Path part) throws IOException {
    Files.move(part, output(), StandardCopyOption.ATOMIC_MOVE);
  }

  void writeError(JobError error) throws IOException {
    Files.writeString(folder.resolve(ERROR_FILE), GSON.toJson(error));
  }

  static Map<String, Object> textKeys(Map<?, ?> map) {
    Map<String, Object> keys = new LinkedHashMap<>();
    map.forEach(
        (key, value) -> {
          if (key != null && value != null) {
            keys.put(key.toString(), value);
          }
        });
    return keys;
  }

  static String oneLine(Throwable thrown) {
    String message = thrown.getMessage();
    String text = message == null ? thrown.getClass().getSimpleName() : message;
    return text.lines().map(String::strip).reduce((a, b) -> a + " " + b).orElse(text);
  }

  private static void deleteTree(Path tree) throws IOException {
    if (!Files.exists(tree)) {
      return;
    }
    try (Stream<Path> paths = Files.walk(tree)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
