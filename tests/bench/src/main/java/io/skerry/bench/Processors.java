package io.skerry.bench;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The processors that a measured program gets: as many as its bound is for, on any machine.
 *
 * @param count how many Java and all that it starts may use
 * @param available how many there are
 * @param taskset the program that binds a process and its children to them, where there is one
 * @param list their numbers, as that program takes them
 */
record Processors(int count, int available, Optional<Path> taskset, String list) {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String ALLOWED = "Cpus_allowed_list:";

  /** The first of those that this process may use. */
  static Processors first(int most) throws IOException {
    List<Integer> allowed =
        Files.isReadable(STATUS) ? allowed(Files.readString(STATUS)) : List.of();
    Optional<Path> taskset =
        Stream.of(System.getenv("PATH").split(File.pathSeparator))
            .map(folder -> Path.of(folder, "taskset"))
            .filter(Files::isExecutable)
            .findFirst();
    return of(most, Runtime.getRuntime().availableProcessors(), allowed, taskset);
  }

  static Processors of(int most, int available, List<Integer> allowed, Optional<Path> taskset) {
    List<String> numbers = allowed.stream().limit(most).map(String::valueOf).toList();
    return new Processors(
        Math.min(most, available),
        available,
        taskset.filter(path -> !numbers.isEmpty()),
        String.join(",", numbers));
  }

  /** The numbers in a line of Linux's, such as {@code Cpus_allowed_list: 0-3,8}. */
  static List<Integer> allowed(String status) {
    return status
        .lines()
        .filter(line -> line.startsWith(ALLOWED))
        .flatMap(line -> Stream.of(line.substring(ALLOWED.length()).strip().split(",")))
        .map(range -> range.split("-"))
        .flatMapToInt(
            ends ->
                IntStream.rangeClosed(
                    Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1])))
        .boxed()
        .toList();
  }

  /** A command that starts Java, bound to them. */
  List<String> bound(List<String> java) {
    List<String> command = new ArrayList<>();
    taskset.ifPresent(path -> command.addAll(List.of(path.toString(), "-c", list)));
    command.add(java.getFirst());
    command.add("-XX:ActiveProcessorCount=" + count);
    command.addAll(java.subList(1, java.size()));
    return command;
  }

  /** What a row says of it. */
  String told() {
    return "on %d of %d processors%s"
        .formatted(count, available, taskset.isPresent() ? "" : " by Java's own count: no taskset");
  }
}
