package io.skerry.packager;

import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.GraphBuilder;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.MemoryEstimate;
import io.skerry.packager.measure.MemoryProbe;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.measure.Timing;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.profile.Engine;
import io.skerry.protocol.Digest;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * The files of all recipes: each made, loaded and evaluated once, however many profiles want it.
 */
final class Forms {
  /** A recipe followed. */
  static final class Form {
    private final Path file;
    private final int bytes;
    private final Optional<Digest> digest;
    private final Optional<Outputs> evaluation;
    private final Optional<Outputs> unjudged;
    private final Optional<String> failure;

    private Form(
        Path file,
        byte[] content,
        Optional<Outputs> evaluation,
        Optional<Outputs> unjudged,
        Optional<String> failure) {
      this.file = file;
      this.bytes = content.length;
      this.digest = content.length == 0 ? Optional.empty() : Optional.of(Digest.of(content));
      this.evaluation = evaluation;
      this.unjudged = unjudged;
      this.failure = failure;
    }

    Path file() {
      return file;
    }

    /** Read again each time: all forms of a large model are more than the heap. */
    byte[] content() throws IOException {
      return Files.readAllBytes(file);
    }

    int bytes() {
      return bytes;
    }

    Optional<Digest> digest() {
      return digest;
    }

    /** What it says about the evaluation items where that is judged by; absent when it failed. */
    Optional<Outputs> evaluation() {
      return evaluation;
    }

    /** What it says about some of them elsewhere; absent when it failed, or says nothing there. */
    Optional<Outputs> unjudged() {
      return unjudged;
    }

    Optional<String> failure() {
      return failure;
    }
  }

  /**
   * Evaluation items of which outputs are kept by which nobody judges: these may be masks, and of
   * all items they are more than a disk holds.
   */
  static final int UNJUDGED_ITEMS_MAX = 64;

  private final Bench bench = new Bench();
  private final Source source;
  private final Samples evaluation;
  private final Samples someOfEvaluation;
  private final List<String> judged;
  private final List<String> unjudged;
  private final Path folder;
  private final Map<Recipe, Form> forms = new LinkedHashMap<>();
  private final Map<Asked, Outputs> outputs = new LinkedHashMap<>();
  private final Map<Recipe, Timing> timings = new LinkedHashMap<>();
  private int files;

  /**
   * Forms of a model.
   *
   * @param names of the outputs that are read
   * @param judged how many of these, the first ones, are judged by
   */
  Forms(Source source, Samples evaluation, List<String> names, int judged, Path folder) {
    this.source = source;
    this.evaluation = evaluation;
    this.someOfEvaluation =
        evaluation.chosen(Samples.spread(evaluation.count(), UNJUDGED_ITEMS_MAX));
    this.judged = List.copyOf(names.subList(0, judged));
    this.unjudged = List.copyOf(names.subList(judged, names.size()));
    this.folder = folder;
  }

  /** Names of the outputs that are judged by. */
  List<String> judged() {
    return judged;
  }

  /** Names of the other outputs that are read. */
  List<String> unjudged() {
    return unjudged;
  }

  /** The items of which those are read. */
  Samples someOfEvaluation() {
    return someOfEvaluation;
  }

  /** What a model says about all evaluation items, in the outputs that are judged by. */
  Outputs judged(LoadedModel model) throws EngineException {
    return bench.outputs(model, evaluation, judged);
  }

  /** What it says about some of them in the others; absent where there is no other. */
  Optional<Outputs> unjudged(LoadedModel model) throws EngineException {
    return unjudged.isEmpty()
        ? Optional.empty()
        : Optional.of(bench.outputs(model, someOfEvaluation, unjudged));
  }

  /** Where files in between may lie. */
  Path folder() {
    return folder;
  }

  Form form(Recipe recipe) throws IOException {
    Form known = forms.get(recipe);
    if (known == null) {
      known = make(recipe);
      forms.put(recipe, known);
    }
    return known;
  }

  private Form make(Recipe recipe) throws IOException {
    Path file = newFile(recipe);
    byte[] content;
    try {
      content = source.follow(recipe);
    } catch (ModelRefusedException e) {
      return failed(file, new byte[0], e);
    }
    Files.write(file, content);
    try (LoadedModel loaded = bench.load(recipe.candidate().engine(), file)) {
      return new Form(
          file, content, Optional.of(judged(loaded)), unjudged(loaded), Optional.empty());
    } catch (EngineException e) {
      return failed(file, content, e);
    }
  }

  /**
   * The model of a recipe's file, for whoever closes it: engines keep large models two or three
   * times, and all forms of one at once are more than a packaging job may take.
   */
  LoadedModel load(Recipe recipe) throws IOException, EngineException {
    return bench.load(recipe.candidate().engine(), form(recipe).file);
  }

  private Path newFile(Recipe recipe) {
    return folder.resolve("%d.%s".formatted(files++, recipe.candidate().engine()));
  }

  private static Form failed(Path file, byte[] content, Exception cause) {
    String reason = Packaging.oneLine(cause);
    return new Form(file, content, Optional.empty(), Optional.empty(), Optional.of(reason));
  }

  /** A recipe's file, for whoever deletes it. */
  Path written(Recipe recipe) throws IOException {
    Path file = newFile(recipe);
    Files.write(file, source.follow(recipe));
    return file;
  }

  /** What a recipe's file says about any items where it is judged by; it is not kept. */
  Outputs trial(Recipe recipe, Samples items) throws IOException, EngineException {
    Path file = written(recipe);
    try (LoadedModel loaded = bench.load(recipe.candidate().engine(), file)) {
      return bench.outputs(loaded, items, judged);
    } finally {
      Files.delete(file);
    }
  }

  /** Times these recipes against each other; those that failed are left out. */
  void time(List<Recipe> recipes) throws IOException, EngineException {
    Map<Recipe, Bench.Timed> models = new LinkedHashMap<>();
    for (Recipe recipe : recipes) {
      Form form = form(recipe);
      if (form.failure.isEmpty()) {
        Engine engine = recipe.candidate().engine();
        long memory = MemoryProbe.peakBytes(engine, small(engine), form.file, folder).orElse(0);
        models.put(recipe, bench.timed(engine, form.file, evaluation).taking(memory));
      }
    }
    List<Timing> measured = bench.timings(List.copyOf(models.values()), evaluation);
    int i = 0;
    for (Recipe recipe : models.keySet()) {
      timings.put(recipe, measured.get(i++));
    }
  }

  /** A model that takes next to no memory. */
  private Path small(Engine engine) throws IOException {
    Path file = folder.resolve("small." + engine);
    if (!Files.exists(file)) {
      GraphBuilder builder = new GraphBuilder("small", "x", Shape.of(Shape.BATCH, 1));
      builder.node("y", new Op.Activate(Activation.RELU), Activation.NONE, "y", List.of("x"));
      Graph graph = builder.build(List.of("y"));
      Files.write(
          file, engine == Engine.TFLITE ? TfliteExport.write(graph) : OnnxExport.write(graph));
    }
    return file;
  }

  Optional<Timing> timing(Recipe recipe) {
    return Optional.ofNullable(timings.get(recipe));
  }

  /** Memory that a recipe's file takes by its graph; absent where the model has none. */
  OptionalLong estimatedMemoryBytes(Recipe recipe) {
    return source.graph().stream()
        .mapToLong(
            graph ->
                MemoryEstimate.bytes(
                    graph,
                    recipe.candidate(),
                    recipe.options().map(Options::floats).orElse(Set.of())))
        .findFirst();
  }

  private record Asked(Recipe recipe, Samples items) {}

  /** What a recipe's file says about other items than those that judge, judged by the same. */
  Outputs outputs(Recipe recipe, Samples items) throws IOException, EngineException {
    Asked asked = new Asked(recipe, items);
    Outputs known = outputs.get(asked);
    if (known == null) {
      try (LoadedModel loaded = load(recipe)) {
        known = bench.outputs(loaded, items, judged);
      }
      outputs.put(asked, known);
    }
    return known;
  }
}
