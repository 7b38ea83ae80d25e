package io.skerry.control.job;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A Java program that job processes run: everything of its command line but the job's folder. */
public record JobProgram(List<String> command) {
  public JobProgram {
    command = List.copyOf(command);
  }

  /** Root of the build tree: where {@code skerry.home} says, else the working folder. */
  public static Path home() {
    return Path.of(System.getProperty("skerry.home", "")).toAbsolutePath();
  }

  /** A main class on a class path, run by the Java that runs this. */
  public static JobProgram of(String classPath, String mainClass) {
    return new JobProgram(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            classPath,
            mainClass));
  }

  /**
   * The program of a module of the build tree: its jar, or its classes where it is not packaged,
   * and the class path that the build wrote beside it.
   *
   * @param home root of the build tree
   * @param module folder of the module under it
   * @throws IOException if the module is not built
   */
  public static JobProgram ofModule(Path home, String module, String mainClass) throws IOException {
    Path target = home.resolve(module).resolve("target");
    Path listed = target.resolve("classpath.txt");
    if (!Files.isRegularFile(listed)) {
      throw new IOException(
          "%s is missing: build it with ./mvnw -DskipTests package".formatted(listed));
    }
    String own = ownClasses(target).toString();
    String others = Files.readString(listed).strip();
    return of(others.isEmpty() ? own : own + File.pathSeparator + others, mainClass);
  }

  private static Path ownClasses(Path target) throws IOException {
    try (DirectoryStream<Path> jars = Files.newDirectoryStream(target, "skerry-*.jar")) {
      for (Path jar : jars) {
        String name = jar.getFileName().toString();
        if (!name.endsWith("-sources.jar") && !name.endsWith("-tests.jar")) {
          return jar;
        }
      }
    }
    return target.resolve("classes");
  }
}
