package io.skerry.agent.model;

import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pipelines of an agent, from {@code <folder>/<name>/pipeline.yaml}. One answers under its
 * name, as version 1, while all its steps have models that fit; each step can be swapped meanwhile,
 * alone or with others of its unit. Thread-safe.
 */
public final class Pipelines {
  /** The file of a pipeline. */
  public static final String FILE = "pipeline.yaml";

  /** The most pipelines of one folder. */
  public static final int PIPELINES_MAX = 100;

  private static final Logger log = LoggerFactory.getLogger(Pipelines.class);

  private final ModelSlots slots;
  private final Map<String, PipelineDefinition> definitions = new TreeMap<>();
  private final Map<String, SlotId> slotIds = new HashMap<>();
  private final Map<String, String> faults = new ConcurrentSkipListMap<>();

  private Pipelines(ModelSlots slots) {
    this.slots = slots;
  }

  /**
   * Reads a folder, and serves its pipelines as soon as their steps are there.
   *
   * @throws IOException if it cannot be read, or holds more than {@link #PIPELINES_MAX}; a file
   *     that is no pipeline is told by {@link #faults}
   */
  public static Pipelines serve(Path folder, ModelSlots slots) throws IOException {
    Pipelines pipelines = new Pipelines(slots);
    List<Path> files;
    try (Stream<Path> children = Files.list(folder)) {
      files =
          children
              .map(child -> child.resolve(FILE))
              .filter(Files::isRegularFile)
              .sorted()
              .limit(PIPELINES_MAX + 1L)
              .toList();
    }
    if (files.size() > PIPELINES_MAX) {
      throw new IOException("%s holds more than %d pipelines".formatted(folder, PIPELINES_MAX));
    }
    for (Path file : files) {
      pipelines.read(file);
    }
    pipelines.refresh();
    if (!pipelines.definitions.isEmpty()) {
      slots.onChange(pipelines::refresh);
    }
    return pipelines;
  }

  private void read(Path file) throws IOException {
    String name = String.valueOf(file.getName(file.getNameCount() - 2));
    try {
      // A character has at most four bytes.
      if (Files.size(file) > 4L * PipelineDefinition.CHARACTERS_MAX) {
        throw PipelineDefinition.tooLarge();
      }
      definitions.put(name, PipelineDefinition.parse(new ModelName(name), Files.readString(file)));
    } catch (CharacterCodingException e) {
      faults.put(name, FILE + ": is no UTF-8 text");
    } catch (IllegalArgumentException e) {
      faults.put(name, "%s: %s".formatted(FILE, e.getMessage()));
    }
  }

  /** Names of all of them. */
  public List<String> names() {
    List<String> names = new ArrayList<>(definitions.keySet());
    faults.keySet().stream().filter(name -> !definitions.containsKey(name)).forEach(names::add);
    return names.stream().sorted().toList();
  }

  /** Why those that do not answer do not, by name. */
  public Map<String, String> faults() {
    return Map.copyOf(faults);
  }

  private synchronized void refresh() {
    definitions.forEach(this::refresh);
  }

  private void refresh(String name, PipelineDefinition definition) {
    // A model's name may be longer than a slot's, and have capitals.
    SlotId slot =
        slotIds.computeIfAbsent(name, unseen -> new SlotId("pipeline-" + (slotIds.size() + 1)));
    Optional<ServingModel> serving = slots.active(slot);
    try {
      PipelineModel model = PipelineModel.over(withoutPipelines(definition), slots);
      faults.remove(name);
      if (serving.filter(now -> now.signature().equals(model.signature())).isEmpty()) {
        slots.activate(
            slot,
            new ServingModel(
                slot,
                new ModelVersion(definition.name(), 1),
                Digest.of(definition.toString().getBytes(StandardCharsets.UTF_8)),
                model));
        log.atInfo().addKeyValue("pipeline", name).log("pipeline serves");
      }
    } catch (IllegalArgumentException e) {
      faults.put(name, String.valueOf(e.getMessage()));
      if (serving.isPresent()) {
        slots.remove(slot);
        log.atWarn()
            .addKeyValue("pipeline", name)
            .addKeyValue("cause", e.getMessage())
            .log("pipeline does not serve");
      }
    }
  }

  // One that called another could call itself.
  private PipelineDefinition withoutPipelines(PipelineDefinition definition) {
    for (PipelineDefinition.Step step : definition.steps()) {
      if (definitions.containsKey(step.model().value())) {
        throw new IllegalArgumentException(
            "step '%s' is a pipeline, and steps are models".formatted(step.model()));
      }
    }
    return definition;
  }
}
