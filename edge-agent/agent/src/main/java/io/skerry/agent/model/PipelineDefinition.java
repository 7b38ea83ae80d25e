package io.skerry.agent.model;

import io.skerry.protocol.ModelName;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * Several models as one callable graph:
 *
 * <pre>{@code
 * inputs: [image]
 * steps:
 *   - model: prepare
 *     inputs: {raw: image}          # the model's input: a tensor of the pipeline
 *     outputs: {pixels: pixels}     # the model's output: its name in the pipeline
 *   - model: classify
 *     inputs: {input: pixels}
 *     outputs: {scores: classes}
 * outputs: [classes]
 * }</pre>
 *
 * <p>Steps run in their order; each takes what the pipeline is given or what steps before it made.
 */
public record PipelineDefinition(
    ModelName name, List<String> inputs, List<Step> steps, List<String> outputs) {
  /** Steps that a pipeline may have. */
  public static final int STEPS_MAX = 16;

  /** Characters of a file. */
  static final int CHARACTERS_MAX = 64 * 1024;

  /**
   * One model in the graph.
   *
   * @param inputs the pipeline's tensor by the model's input
   * @param outputs the pipeline's tensor by the model's output; others are not kept
   */
  public record Step(ModelName model, Map<String, String> inputs, Map<String, String> outputs) {
    public Step {
      inputs = Map.copyOf(inputs);
      outputs = Map.copyOf(outputs);
    }
  }

  /**
   * Checks that every tensor is there before it is used.
   *
   * @throws IllegalArgumentException if one is not, or is made twice
   */
  public PipelineDefinition {
    inputs = List.copyOf(inputs);
    steps = List.copyOf(steps);
    outputs = List.copyOf(outputs);
    if (inputs.isEmpty() || outputs.isEmpty() || steps.isEmpty() || steps.size() > STEPS_MAX) {
      throw new IllegalArgumentException(
          "a pipeline needs inputs, outputs and 1 to %d steps".formatted(STEPS_MAX));
    }
    Set<String> known = new HashSet<>(inputs);
    for (Step step : steps) {
      if (step.model().equals(name)) {
        throw new IllegalArgumentException("step '%s' is the pipeline itself".formatted(name));
      }
      for (String tensor : step.inputs().values()) {
        if (!known.contains(tensor)) {
          throw new IllegalArgumentException(
              "step '%s' takes '%s', which neither the inputs nor a step before it have"
                  .formatted(step.model(), tensor));
        }
      }
      for (String tensor : step.outputs().values()) {
        if (!known.add(tensor)) {
          throw new IllegalArgumentException(
              "step '%s' makes '%s', which is there already".formatted(step.model(), tensor));
        }
      }
    }
    for (String tensor : outputs) {
      if (!known.contains(tensor)) {
        throw new IllegalArgumentException("output '%s' is made by no step".formatted(tensor));
      }
    }
  }

  /**
   * Reads a pipeline's YAML.
   *
   * @throws IllegalArgumentException if it is none; the message says what is wrong
   */
  public static PipelineDefinition parse(ModelName name, String yaml) {
    if (yaml.length() > CHARACTERS_MAX) {
      throw tooLarge();
    }
    Map<?, ?> top;
    try {
      top =
          map(
              "pipeline",
              new Load(LoadSettings.builder().setAllowDuplicateKeys(false).build())
                  .loadFromString(yaml));
    } catch (YamlEngineException e) {
      throw new IllegalArgumentException(
          "is no YAML: " + String.valueOf(e.getMessage()).replaceAll("\\s+", " "), e);
    } catch (StackOverflowError e) {
      // The reader goes down with every level, and has no bound of its own.
      throw new IllegalArgumentException("is nested too deep", e);
    }
    requireKeys("pipeline", top, List.of("inputs", "steps", "outputs"));
    List<Step> steps = new ArrayList<>();
    for (Object element : list("steps", top.get("steps"))) {
      Map<?, ?> step = map("step " + (steps.size() + 1), element);
      requireKeys("step " + (steps.size() + 1), step, List.of("model", "inputs", "outputs"));
      steps.add(
          new Step(
              new ModelName(String.valueOf(step.get("model"))),
              names("inputs of a step", step.get("inputs")),
              names("outputs of a step", step.get("outputs"))));
    }
    return new PipelineDefinition(
        name, texts("inputs", top.get("inputs")), steps, texts("outputs", top.get("outputs")));
  }

  static IllegalArgumentException tooLarge() {
    return new IllegalArgumentException("is larger than 64 KiB");
  }

  private static void requireKeys(String what, Map<?, ?> map, List<String> keys) {
    for (Object key : map.keySet()) {
      if (!keys.contains(String.valueOf(key))) {
        throw new IllegalArgumentException(
            "%s: key '%s' is unknown, expected %s".formatted(what, key, keys));
      }
    }
  }

  private static Map<?, ?> map(String what, @Nullable Object value) {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw new IllegalArgumentException("%s is no map".formatted(what));
  }

  private static List<?> list(String what, @Nullable Object value) {
    if (value instanceof List<?> list) {
      return list;
    }
    throw new IllegalArgumentException("%s is no list".formatted(what));
  }

  private static List<String> texts(String what, @Nullable Object value) {
    List<String> texts = new ArrayList<>();
    list(what, value).forEach(element -> texts.add(String.valueOf(element)));
    return texts;
  }

  private static Map<String, String> names(String what, @Nullable Object value) {
    Map<String, String> names = new LinkedHashMap<>();
    map(what, value).forEach((key, name) -> names.put(String.valueOf(key), String.valueOf(name)));
    return names;
  }
}
