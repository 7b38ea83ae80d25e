package io.skerry.profile;

import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * One class of board: how it is recognised and how models for it are built and run.
 *
 * @param id unique in a catalogue
 * @param engines that may run here, preferred first
 * @param precisions that may be built for it
 * @param executionProviders of ONNX Runtime, tried in this order
 * @param engine how engines run models on it, beside that
 * @param threads per model
 * @param memoryBudgetBytes that one model may take
 * @param latencyBudget for one prediction, at the 99th percentile
 * @param candidates what to build, best first where they cannot be timed
 */
public record HardwareProfile(
    String id,
    String description,
    Recognition recognition,
    List<Engine> engines,
    List<Precision> precisions,
    List<String> executionProviders,
    EngineSettings engine,
    int threads,
    long memoryBudgetBytes,
    Duration latencyBudget,
    Int8Rules int8,
    List<Candidate> candidates) {
  public HardwareProfile {
    engines = List.copyOf(engines);
    precisions = List.copyOf(precisions);
    executionProviders = List.copyOf(executionProviders);
    candidates = List.copyOf(candidates);
  }

  /**
   * Reads a profile's YAML.
   *
   * @param file what mistakes name it by
   * @throws ProfileException if the text has mistakes; it tells all of them
   */
  public static HardwareProfile parse(String file, String yaml) {
    return ProfileParser.parse(file, yaml, Set.of());
  }

  /** Whether a machine of these facts is of this class, and if not, what it lacks. */
  public ProfileMatch match(HardwareFacts facts) {
    return recognition.match(facts);
  }

  /** Whether a machine of these facts is of this class if all engines worked on it. */
  public boolean matchesMachine(HardwareFacts facts) {
    return recognition.matchMachine(facts).matches();
  }

  /** Whether a machine of these facts is of this class. */
  public boolean matches(HardwareFacts facts) {
    return match(facts).matches();
  }
}
