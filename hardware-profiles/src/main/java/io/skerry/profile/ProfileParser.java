package io.skerry.profile;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/** Reads one profile file, and collects every mistake in it before it gives up. */
final class ProfileParser {
  private static final String REPLACES = "replaces-built-in";

  /** Of one file. */
  static final int BYTES_MAX = 64 * 1024;

  private static final int THREADS_MAX = 256;
  private static final int PRIORITY_MAX = 1000;
  private static final List<String> ARCHITECTURES = List.of("x86-64", "arm64");
  private static final List<String> PROVIDERS =
      List.of("cpu", "xnnpack", "cuda", "tensorrt", "openvino", "qnn");

  private static final List<String> LIBRARIES =
      List.of("openvino", "qnn", EngineSettings.TFLITE_DELEGATE);
  private static final List<String> ENGINES =
      Stream.concat(
              PROVIDERS.stream().map(provider -> Engine.ONNXRUNTIME.text() + "/" + provider),
              Stream.of("cpu", "xnnpack", EngineSettings.TFLITE_DELEGATE)
                  .map(name -> Engine.TFLITE.text() + "/" + name))
          .toList();

  private ProfileParser() {}

  /**
   * Reads a profile.
   *
   * @param builtIn ids that it takes only if it says so; nothing is asked of it when empty
   */
  static HardwareProfile parse(String file, String yaml, Set<String> builtIn) {
    List<String> mistakes = new ArrayList<>();
    Section top = new Section(file, "", load(file, yaml), mistakes);
    String id = top.name("id");
    boolean replaces = top.flag(REPLACES);
    if (builtIn.contains(id) && !replaces) {
      top.mistake(
          "id",
          "is '%s', which is a built-in profile's: choose another, or say '%s: true'"
              .formatted(id, REPLACES));
    }
    if (!builtIn.isEmpty() && replaces && !builtIn.contains(id)) {
      top.mistake(REPLACES, "is true, but no built-in profile is called '%s'".formatted(id));
    }
    String description = top.text("description");
    Recognition recognition = recognition(top.section("match"));
    List<Engine> engines = top.each("engines", Engine::parse, Engine.values());
    List<Precision> precisions = top.each("precisions", Precision::parse, Precision.values());
    List<String> providers = top.eachOf("execution-providers", PROVIDERS);
    EngineSettings settings = settings(top);
    int threads = top.integer("threads", 1, THREADS_MAX);
    long memory = top.quantity("memory-budget", Quantity.BYTES);
    long latencyMicros = top.quantity("latency-budget", Quantity.MICROS);
    Int8Rules int8 = int8(top.section("int8"));
    List<Candidate> candidates = new ArrayList<>();
    for (String text : top.texts("candidates")) {
      candidate(text)
          .ifPresentOrElse(
              candidates::add,
              () -> top.mistake("candidates", "'%s' is not ENGINE/PRECISION".formatted(text)));
    }
    top.needsSome("candidates", candidates);
    for (Candidate candidate : candidates) {
      if (!engines.contains(candidate.engine()) || !precisions.contains(candidate.precision())) {
        top.mistake(
            "candidates",
            "'%s' names what engines and precisions do not list".formatted(candidate));
      }
    }
    top.refuseUnknownKeys();
    if (!mistakes.isEmpty()) {
      throw new ProfileException(mistakes);
    }
    return new HardwareProfile(
        id,
        description,
        recognition,
        engines,
        precisions,
        providers,
        settings,
        threads,
        memory,
        Quantity.duration(latencyMicros),
        int8,
        candidates);
  }

  private static Map<?, ?> load(String file, String yaml) {
    if (yaml.length() > BYTES_MAX) {
      throw tooLarge(file);
    }
    try {
      Object loaded =
          new Load(LoadSettings.builder().setLabel(file).setAllowDuplicateKeys(false).build())
              .loadFromString(yaml);
      if (loaded instanceof Map<?, ?> map) {
        return map;
      }
      throw new ProfileException(List.of(file + ": is no YAML map"));
    } catch (MarkedYamlEngineException e) {
      String where = e.getProblemMark().map(mark -> " in line " + (mark.getLine() + 1)).orElse("");
      throw new ProfileException(
          List.of("%s: is no YAML%s: %s".formatted(file, where, e.getProblem())));
    } catch (YamlEngineException e) {
      throw new ProfileException(List.of("%s: is no YAML: %s".formatted(file, e.getMessage())));
    } catch (StackOverflowError e) {
      // The reader goes down with every level, and has no bound of its own.
      throw new ProfileException(List.of(file + ": is nested too deep"));
    }
  }

  static ProfileException tooLarge(String file) {
    return new ProfileException(List.of(file + ": is larger than 64 KiB"));
  }

  private static Recognition recognition(Section match) {
    String arch = match.oneOf("arch", ARCHITECTURES, "");
    Recognition recognition =
        new Recognition(
            arch,
            match.texts("cpu-all"),
            match.texts("cpu-any"),
            match.texts("accelerators"),
            match.someOf("engines", ENGINES),
            match.texts("boards"),
            match.integer("priority", 0, PRIORITY_MAX));
    match.refuseUnknownKeys();
    return recognition;
  }

  private static EngineSettings settings(Section top) {
    Map<String, String> libraries = new HashMap<>();
    for (String text : top.texts("libraries")) {
      int equals = text.indexOf('=');
      String name = text.substring(0, Math.max(0, equals));
      if (LIBRARIES.contains(name) && text.startsWith("/", equals + 1)) {
        libraries.put(name, text.substring(equals + 1));
      } else {
        top.mistake(
            "libraries",
            "'%s' is not NAME=/ABSOLUTE/PATH with a name of %s".formatted(text, LIBRARIES));
      }
    }
    return new EngineSettings(
        top.flag("accelerator-only"),
        top.oneOf("memory-arena", List.of("keep", "release"), "keep").equals("keep"),
        libraries);
  }

  private static Int8Rules int8(Section section) {
    String activation = section.oneOf("activation", List.of("uint8", "int8"), "int8");
    Int8Rules rules =
        new Int8Rules(
            activation.equals("uint8") ? Int8Rules.Activation.UINT8 : Int8Rules.Activation.INT8,
            section.flag("reduced-weight-range"),
            section.flag("symmetric"),
            section.flag("per-tensor-weights"));
    section.refuseUnknownKeys();
    return rules;
  }

  private static Optional<Candidate> candidate(String text) {
    int slash = text.indexOf('/');
    if (slash < 0) {
      return Optional.empty();
    }
    Function<Engine, Optional<Candidate>> withPrecision =
        engine ->
            Precision.parse(text.substring(slash + 1))
                .map(precision -> new Candidate(engine, precision));
    return Engine.parse(text.substring(0, slash)).flatMap(withPrecision);
  }
}
