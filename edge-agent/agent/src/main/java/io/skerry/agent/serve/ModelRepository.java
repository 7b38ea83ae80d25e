package io.skerry.agent.serve;

import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ModelTraits;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.agent.model.ServingModel;
import io.skerry.agent.model.WarmUp;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.wire.inference.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder of models served without a control plane:
 *
 * <pre>{@code
 * <folder>/<model>/<version>/model.onnx | model.tflite
 * <folder>/<model>/labels.txt             names of classes, one a line, if there are any
 * <folder>/<pipeline>/pipeline.yaml       a graph of the models, see Pipelines
 * }</pre>
 *
 * <p>Every version is loaded; the highest answers requests that name none. What cannot be loaded is
 * listed with its reason, and the others are served. Thread-safe.
 */
public final class ModelRepository implements ModelListing, ModelControl {
  /** The most versions that a folder may hold. */
  public static final int VERSIONS_MAX = 1_000;

  /** The file of a model's labels. */
  static final String LABELS = RepositoryFolder.LABELS;

  private static final Logger log = LoggerFactory.getLogger(ModelRepository.class);
  private static final String UNLOADED = "unloaded";

  private final RepositoryFolder folder;
  private final EngineCatalog engines;
  private final LoadOptions options;
  private final ModelSlots slots;
  private final Map<ModelVersion, SlotId> slotIds = new HashMap<>();
  private volatile List<Entry> entries = List.of();

  private ModelRepository(
      RepositoryFolder folder, EngineCatalog engines, LoadOptions options, ModelSlots slots) {
    this.folder = folder;
    this.engines = engines;
    this.options = options;
    this.slots = slots;
  }

  /**
   * Loads every version in the folder into a slot of its own.
   *
   * @throws IOException if the folder cannot be read, or holds more than {@link #VERSIONS_MAX}
   *     versions
   */
  public static ModelRepository load(
      Path folder, EngineCatalog engines, LoadOptions options, ModelSlots slots)
      throws IOException {
    ModelRepository repository =
        new ModelRepository(new RepositoryFolder(folder, VERSIONS_MAX), engines, options, slots);
    repository.loadAll();
    return repository;
  }

  @Override
  public List<Entry> entries() {
    return entries;
  }

  /** Where the file of a served version lies; empty when it has gone. */
  public Optional<Path> file(ModelVersion version) {
    try {
      return Optional.of(
          RepositoryFolder.modelFile(
              folder.model(version.model()).resolve(Long.toString(version.version()))));
    } catch (EngineException gone) {
      return Optional.empty();
    }
  }

  @Override
  public boolean ready() {
    return entries.stream().allMatch(entry -> entry.ready() || entry.reason().equals(UNLOADED));
  }

  private synchronized void loadAll() throws IOException {
    List<Entry> found = new ArrayList<>();
    WarmUp warmUp = WarmUp.together();
    for (Path model : folder.models()) {
      List<Path> versions = folder.versions(model);
      if (found.size() + Math.max(1, versions.size()) > VERSIONS_MAX) {
        throw new IOException(
            "%s holds more than %d model versions".formatted(folder, VERSIONS_MAX));
      }
      String name = RepositoryFolder.name(model);
      if (versions.isEmpty()) {
        found.add(refused(name, "", RepositoryFolder.noVersion(model)));
      }
      for (Path version : versions) {
        found.add(loadFirst(model, version, warmUp));
      }
    }
    entries = sorted(found);
  }

  private Entry loadFirst(Path model, Path version, WarmUp warmUp) {
    String name = RepositoryFolder.name(model);
    String number = RepositoryFolder.name(version);
    try {
      Candidate candidate = candidate(new ModelName(name), model, version, ConfigOverride.NONE);
      LoadedModel loaded = engines.load(candidate.file, options);
      warmUp.run(candidate.identity, loaded);
      activate(candidate, loaded);
      return new Entry(name, number, true, "");
    } catch (EngineException | IllegalArgumentException e) {
      return refused(name, number, String.valueOf(e.getMessage()));
    } catch (IOException e) {
      return refused(name, number, "cannot be read: " + e.getMessage());
    }
  }

  @Override
  public synchronized void load(ModelName model, ConfigOverride override) throws PredictException {
    Map<Long, Path> wanted = wanted(model, override);
    List<Candidate> candidates = new ArrayList<>();
    List<LoadedModel> loaded = new ArrayList<>();
    boolean switched = false;
    WarmUp warmUp = WarmUp.together();
    try {
      Path home = folder.model(model);
      for (Path version : wanted.values()) {
        Candidate candidate = candidate(model, home, version, override);
        Optional<ServingModel> serving = serving(candidate);
        if (serving.isPresent()) {
          override
              .told()
              .requireSame(ModelDescriptions.config(serving.get(), override.told().instances()));
        } else {
          loaded.add(engines.load(candidate.file, options));
          override.told().requireSame(candidate.config(loaded.getLast()));
          warmUp.run(candidate.identity, loaded.getLast());
          candidates.add(candidate);
        }
      }
      requireBatches(candidates, loaded);
      for (int i = 0; i < candidates.size(); i++) {
        activate(candidates.get(i), loaded.get(i));
      }
      switched = true;
    } catch (EngineException e) {
      if (e.reason() == EngineException.Reason.OUT_OF_MEMORY) {
        throw new PredictException(
            Code.RESOURCE_EXHAUSTED, "failed to load '%s', %s".formatted(model, e.getMessage()), e);
      }
      throw failed(model, String.valueOf(e.getMessage()), e);
    } catch (IllegalArgumentException e) {
      throw failed(model, String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw failed(model, "cannot be read: " + e.getMessage(), e);
    } finally {
      if (!switched) {
        loaded.forEach(LoadedModel::close);
      }
    }
    List<Entry> listed = entriesWithout(model);
    wanted.keySet().forEach(version -> listed.add(ready(model, version)));
    // Listed before the others go: a listing never lacks what serves.
    entries = sorted(listed);
    for (ServingModel active : slots.active()) {
      if (active.version().model().equals(model)
          && !wanted.containsKey(active.version().version())) {
        slots.remove(active.slot());
      }
    }
    slots.tell();
  }

  @Override
  public synchronized void unload(ModelName model) throws PredictException {
    if (entries.stream().noneMatch(entry -> entry.model().equals(model.value()))) {
      throw new PredictException(
          Code.NOT_FOUND,
          "failed to unload '%s', no such model in the repository".formatted(model));
    }
    List<Entry> listed = entriesWithout(model);
    for (Entry entry : entries) {
      if (entry.model().equals(model.value())) {
        listed.add(refused(entry.model(), entry.version(), UNLOADED));
      }
    }
    for (ServingModel active : slots.active()) {
      if (active.version().model().equals(model)) {
        slots.remove(active.slot());
      }
    }
    entries = sorted(listed);
    slots.tell();
  }

  /**
   * A version as the folder has it.
   *
   * @param override what a client wants otherwise
   */
  private record Candidate(
      ModelVersion identity,
      Path file,
      Digest digest,
      List<String> labels,
      ConfigOverride override) {
    ModelTraits traits(LoadedModel loaded) {
      ModelTraits own = ModelTraits.of(loaded.signature()).withLabels(labels);
      return override.batchMax().isPresent()
          ? new ModelTraits(labels, override.batchMax().getAsInt())
          : own;
    }

    ModelConfig config(LoadedModel loaded) {
      return ModelDescriptions.config(
          new ModelDescriptions.Described(
              identity, loaded.engine(), loaded.providers(), loaded.signature(), traits(loaded)),
          override.told().instances());
    }
  }

  private Candidate candidate(ModelName model, Path home, Path version, ConfigOverride override)
      throws IOException, EngineException {
    ModelVersion identity = new ModelVersion(model, RepositoryFolder.number(version));
    Path file = RepositoryFolder.modelFile(version);
    return new Candidate(
        identity, file, RepositoryFolder.digest(file), RepositoryFolder.labels(home), override);
  }

  private Map<Long, Path> wanted(ModelName model, ConfigOverride override) throws PredictException {
    Map<Long, Path> wanted = new TreeMap<>(Comparator.reverseOrder());
    try {
      for (Path version : folder.versions(folder.model(model))) {
        long number = RepositoryFolder.number(version);
        if (override.versions().isEmpty() || override.versions().contains(number)) {
          wanted.put(number, version);
        }
      }
    } catch (IOException e) {
      throw new PredictException(
          Code.NOT_FOUND,
          "failed to load '%s', no such model in the repository".formatted(model),
          e);
    } catch (IllegalArgumentException e) {
      throw failed(model, String.valueOf(e.getMessage()), e);
    }
    if (wanted.isEmpty()) {
      throw new PredictException(
          Code.NOT_FOUND, "failed to load '%s', no version is available".formatted(model));
    }
    if (override.latest() > 0) {
      wanted.keySet().retainAll(wanted.keySet().stream().limit(override.latest()).toList());
    }
    if (entriesWithout(model).size() + wanted.size() > VERSIONS_MAX) {
      throw new PredictException(
          Code.RESOURCE_EXHAUSTED,
          "failed to load '%s', more than %d model versions".formatted(model, VERSIONS_MAX));
    }
    return wanted;
  }

  private static void requireBatches(List<Candidate> candidates, List<LoadedModel> loaded) {
    for (int i = 0; i < loaded.size(); i++) {
      if (candidates.get(i).override.batchMax().orElse(0) > 0
          && !ModelTraits.takesBatches(loaded.get(i).signature())) {
        throw new IllegalArgumentException(
            "max_batch_size needs an open first dimension of every tensor, which %s has not"
                .formatted(candidates.get(i).identity));
      }
    }
  }

  private Optional<ServingModel> serving(Candidate candidate) {
    return slots
        .find(candidate.identity.model(), Optional.of(candidate.identity.version()))
        .filter(active -> active.manifest().equals(candidate.digest))
        .filter(active -> active.traits().labels().equals(candidate.labels))
        .filter(
            active ->
                active.traits().batchMax()
                    == candidate
                        .override
                        .batchMax()
                        .orElse(ModelTraits.of(active.signature()).batchMax()));
  }

  private void activate(Candidate candidate, LoadedModel loaded) {
    SlotId slot =
        slotIds.computeIfAbsent(
            candidate.identity, unseen -> new SlotId("repository-" + (slotIds.size() + 1)));
    ServingModel model =
        new ServingModel(
            slot, candidate.identity, candidate.digest, loaded, candidate.traits(loaded));
    slots.activate(slot, model);
    log.atInfo()
        .addKeyValue("model", candidate.identity)
        .addKeyValue("engine", model.engine())
        .addKeyValue("providers", model.providers())
        .log("model loaded");
  }

  private List<Entry> entriesWithout(ModelName model) {
    return new ArrayList<>(
        entries.stream().filter(entry -> !entry.model().equals(model.value())).toList());
  }

  private static Entry ready(ModelName model, long version) {
    return new Entry(model.value(), Long.toString(version), true, "");
  }

  private static Entry refused(String model, String version, String reason) {
    return new Entry(model, version, false, reason);
  }

  private static PredictException failed(ModelName model, String why, Exception cause) {
    return new PredictException(
        Code.INTERNAL, "failed to load '%s', %s".formatted(model, why), cause);
  }

  private static List<Entry> sorted(List<Entry> entries) {
    return entries.stream()
        .sorted(
            Comparator.comparing(Entry::model)
                .thenComparing(entry -> entry.version().length())
                .thenComparing(Entry::version))
        .toList();
  }
}
