package io.skerry.bench;

import io.skerry.control.job.JobProgram;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** Python's onnxruntime.quantization in a virtual environment of its own, for comparison only. */
final class PythonQuantizer {
  private static final String SCRIPT = "onnxruntime_quantization.py";
  private static final List<String> FILES =
      List.of("minmax", "percentile-99.999", "percentile-99.99");
  private static final int MINUTES_MAX = 10;

  private PythonQuantizer() {}

  /**
   * What it made.
   *
   * @param files quantized models by name; empty when it could not run
   */
  record Result(Map<String, Path> files, String version, String failure) {}

  static Result quantize(PackagerModels.Model model, PackagerModels models, Path folder)
      throws Exception {
    Path own = Files.createTempDirectory(folder, "python-");
    try {
      Path python = environment();
      Path script = own.resolve(SCRIPT);
      try (InputStream in =
          Objects.requireNonNull(PythonQuantizer.class.getResourceAsStream(SCRIPT))) {
        Files.copy(in, script);
      }
      Path items = own.resolve("calibration.npy");
      models.calibration(model).samples().write(items);
      run(
          own.resolve("log"),
          python.toString(),
          script.toString(),
          model.file().toString(),
          items.toString(),
          own.toString());
      Map<String, Path> files = new LinkedHashMap<>();
      for (String file : FILES) {
        files.put(file, own.resolve(file + ".onnx"));
      }
      return new Result(files, Files.readString(own.resolve("version")), "");
    } catch (IOException e) {
      return new Result(Map.of(), "", String.valueOf(e.getMessage()));
    }
  }

  private static Path environment() throws IOException, InterruptedException {
    Path environment = JobProgram.home().resolve("target/bench-python");
    Path python = environment.resolve("bin/python");
    Path done = environment.resolve("installed");
    if (!Files.exists(done)) {
      Path log = Files.createTempFile("skerry-bench-python-", ".log");
      run(log, "python3", "-m", "venv", environment.toString());
      run(
          log,
          python.toString(),
          "-m",
          "pip",
          "install",
          "--quiet",
          "onnxruntime",
          "onnx",
          "sympy");
      Files.delete(log);
      Files.createFile(done);
    }
    return python;
  }

  private static void run(Path log, String... command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      if (!process.waitFor(MINUTES_MAX, TimeUnit.MINUTES) || process.exitValue() != 0) {
        String text = Files.readString(log).strip();
        throw new IOException(
            "%s failed: %s"
                .formatted(
                    String.join(" ", command)
                        .substring(0, Math.min(80, String.join(" ", command).length())),
                    text.substring(Math.max(0, text.length() - 300))));
      }
    } finally {
      process.destroyForcibly();
    }
  }
}
