package io.skerry.agent.boot;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ProfileOptions;
import io.skerry.profile.Engine;
import io.skerry.profile.FactsProbe;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * What this machine is, and which execution providers work on it. An engine's build tells what it
 * was built with; whether that works here, its libraries and devices included, shows only when a
 * model is loaded with it. So every provider that a profile of this machine asks for is tried with
 * a model whose answer is known.
 *
 * @param faults why a provider does not work, by engine and provider
 */
record Detected(HardwareFacts facts, Map<String, String> faults) {
  // These are parts of the engines themselves.
  private static final Set<String> ALWAYS = Set.of("cpu", "xnnpack");

  Detected {
    faults = Map.copyOf(faults);
  }

  /**
   * Tries what these profiles ask for; nothing where they ask for the processor only.
   *
   * @param compiled folder for what engines compile for this machine
   */
  static Detected of(EngineCatalog engines, ProfileCatalog profiles, Optional<Path> compiled) {
    Set<String> working = new TreeSet<>(onProcessor(engines));
    Map<String, String> faults = new TreeMap<>();
    HardwareFacts machine = FactsProbe.detect(List.copyOf(working));
    for (HardwareProfile profile : profiles.profiles()) {
      if (!profile.matchesMachine(machine)) {
        continue;
      }
      for (Engine engine : profile.engines()) {
        LoadOptions options = ProfileOptions.of(profile, engine, 1, compiled);
        for (String provider : asked(engine, options)) {
          String name = engine.text() + "/" + provider;
          if (!working.contains(name)) {
            Optional<String> fault = fault(engines, engine, provider, options);
            fault.ifPresentOrElse(
                text -> faults.merge(name, text, Detected::both), () -> working.add(name));
          }
        }
      }
    }
    faults.keySet().removeAll(working);
    return new Detected(machine.withEngines(List.copyOf(working)), faults);
  }

  /** Engines with those providers that need nothing but a processor. */
  static List<String> onProcessor(EngineCatalog engines) {
    return engines.usable().stream()
        .filter(name -> ALWAYS.contains(name.substring(name.indexOf('/') + 1)))
        .toList();
  }

  private static String both(String one, String other) {
    return one.equals(other) ? one : one + "; " + other;
  }

  private static List<String> asked(Engine engine, LoadOptions options) {
    if (engine == Engine.TFLITE) {
      return options.libraries().containsKey(LoadOptions.TFLITE_DELEGATE)
          ? List.of(LoadOptions.TFLITE_DELEGATE)
          : List.of();
    }
    return options.providers().stream().filter(provider -> !ALWAYS.contains(provider)).toList();
  }

  private static Optional<String> fault(
      EngineCatalog engines, Engine engine, String provider, LoadOptions options) {
    Optional<String> lacking = lacking(engines.status(engine.text()), provider, options);
    if (lacking.isPresent()) {
      return lacking;
    }
    // Falling back must be allowed: a provider works that takes but a part of the model.
    LoadOptions alone =
        new LoadOptions(
            1,
            engine == Engine.TFLITE ? List.of() : List.of(provider, "cpu"),
            false,
            options.memoryArena(),
            options.libraries(),
            options.cache());
    return trial(
        engines,
        engine.text(),
        alone,
        loaded ->
            loaded.providers().contains(provider)
                ? Optional.empty()
                : Optional.of(String.join("; ", loaded.faults())));
  }

  /** What can be told without loading anything. */
  private static Optional<String> lacking(
      EngineStatus status, String provider, LoadOptions options) {
    Path library = options.libraries().get(provider);
    return switch (status) {
      case EngineStatus.Unavailable(String reason) -> Optional.of(reason);
      case EngineStatus.Available _ when library != null ->
          Files.isRegularFile(library)
              ? Optional.empty()
              : Optional.of("its library %s is not here".formatted(library));
      case EngineStatus.Available available ->
          available.providers().contains(provider)
              ? Optional.empty()
              : Optional.of(
                  "this build has only %s, and the profile names no library for it"
                      .formatted(available.providers()));
    };
  }

  /** What is asked of a model that was loaded and answers as it should. */
  interface Question {
    Optional<String> fault(LoadedModel loaded);
  }

  /** What is wrong with the engine as these options use it; empty when all is right. */
  static Optional<String> trial(
      EngineCatalog engines, String engine, LoadOptions options, Question question) {
    String ending = engines.fileExtension(engine).orElseThrow();
    try {
      Path scratch = Files.createTempDirectory("skd");
      try {
        Path file = SelfTest.write(ending, scratch.resolve("self-test" + ending));
        try (LoadedModel model = engines.load(engine, file, options)) {
          return SelfTest.isRight(model.run(List.of(SelfTest.input())).getFirst())
              ? question.fault(model)
              : Optional.of("its self-test gives a WRONG answer");
        }
      } finally {
        delete(scratch);
      }
    } catch (EngineException | IOException e) {
      return Optional.of("its self-test FAILS: " + e.getMessage());
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  /** Why the engines that a profile asks for do not work, to be said after that they do not. */
  String because(HardwareProfile profile) {
    StringBuilder reasons = new StringBuilder();
    if (!profile.matchesMachine(facts)) {
      return "";
    }
    for (String engine : profile.recognition().engines()) {
      if (faults.containsKey(engine)) {
        reasons.append("; ").append(engine).append(": ").append(faults.get(engine));
      }
    }
    return reasons.toString();
  }
}
