package io.skerry.packager;

import io.skerry.packager.calibrate.Calibrator;
import io.skerry.packager.calibrate.Observations;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.InputShape;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.packager.measure.BoxLayout;
import io.skerry.packager.quantize.Equalization;
import io.skerry.packager.quantize.IntegerEnds;
import io.skerry.packager.quantize.MeanMatching;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.QdqExport;
import io.skerry.packager.quantize.QuantizedGraph;
import io.skerry.packager.quantize.Quantizer;
import io.skerry.packager.quantize.RoundedWeights;
import io.skerry.packager.quantize.Scheme;
import io.skerry.packager.quantize.TensorScale;
import io.skerry.packager.quantize.WeightsExport;
import io.skerry.packager.tflite.TfliteDetector;
import io.skerry.packager.tflite.TfliteExport;
import io.skerry.packager.tflite.TfliteImport;
import io.skerry.packager.tflite.TfliteModel;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The model as it came, and what can be made of it. */
sealed interface Source permits Source.Imported, Source.Integers, DetectorSource {
  /** Two engines add floats in different orders. */
  double FLOAT_TOLERANCE = 1e-4;

  /** The file's own kernels round activations to 8 bits. */
  double HYBRID_TOLERANCE = 0.1;

  /** The recipes that a profile wants and this source can follow, in the profile's order. */
  List<Recipe> recipes(HardwareProfile profile);

  /** The recipe whose accuracy the others are compared with. */
  Recipe reference();

  /** The engine that runs the file as it came. */
  Engine originalEngine();

  /** How far outputs of the imported form may be from the file's, as a share of the largest. */
  double formTolerance();

  /** The model as a graph of floats that can be tuned; absent when its integers are given. */
  Optional<Graph> graph();

  /** Why there is no graph though the file was read for one; absent where there is. */
  default Optional<String> whyNoGraph() {
    return Optional.empty();
  }

  /** Scales of the input and of outputs that are int8 in every form of it, by their names. */
  Map<String, TensorScale> ends();

  /** Outputs of TFLite's detection operator that a model ends in, in its order; else none. */
  default List<String> boxOutputs() {
    return List.of();
  }

  /** What the boxes of a model are that is known for a detector; absent of all others. */
  default Optional<BoxLayout> boxes() {
    return boxOutputs().isEmpty() ? Optional.empty() : Optional.of(BoxLayout.DETECTION_POSTPROCESS);
  }

  /**
   * Watches the model on calibration data, where that is needed to follow recipes.
   *
   * @param unjudged outputs by which nobody judges: they need not be finite
   */
  Source calibrated(Samples calibration, Set<String> unjudged);

  /**
   * The file of a recipe.
   *
   * @throws ModelRefusedException if the recipe's format cannot say what the model does
   */
  byte[] follow(Recipe recipe);

  /** A float model: any recipe. */
  final class Imported implements Source {
    /** A graph, what its tensors were seen to hold, and its weights as integers. */
    private record Observed(Graph graph, Observations seen, RoundedWeights weights) {}

    /** What was evened out between channels: whatever shares one scale. */
    private enum Evened {
      NOTHING,
      WEIGHTS,
      ACTIVATIONS
    }

    private final Graph model;
    private final Engine originalEngine;
    private final double formTolerance;
    private final Optional<Samples> calibration;
    private final Set<String> unjudged;
    private final Map<Evened, Observed> observed = new HashMap<>();

    Imported(
        Graph model, Engine originalEngine, double formTolerance, Optional<Samples> calibration) {
      this(model, originalEngine, formTolerance, calibration, Set.of());
    }

    private Imported(
        Graph model,
        Engine originalEngine,
        double formTolerance,
        Optional<Samples> calibration,
        Set<String> unjudged) {
      this.unjudged = Set.copyOf(unjudged);
      this.formTolerance = formTolerance;
      this.model = model;
      this.originalEngine = originalEngine;
      this.calibration = calibration;
    }

    private Observed observed(Evened evened) {
      Observed known = observed.get(evened);
      if (known == null) {
        Graph graph =
            switch (evened) {
              case NOTHING -> model;
              case WEIGHTS -> Equalization.of(model);
              case ACTIVATIONS ->
                  Equalization.ofActivations(model, observed(Evened.NOTHING).seen());
            };
        Observations seen = Calibrator.observe(graph, calibration.orElseThrow(), unjudged);
        known = new Observed(graph, seen, new RoundedWeights(graph, seen));
        observed.put(evened, known);
      }
      return known;
    }

    @Override
    public List<Recipe> recipes(HardwareProfile profile) {
      return profile.candidates().stream().map(candidate -> Recipe.of(profile, candidate)).toList();
    }

    @Override
    public Recipe reference() {
      return Recipe.ONNX_FLOAT;
    }

    @Override
    public Engine originalEngine() {
      return originalEngine;
    }

    @Override
    public double formTolerance() {
      return formTolerance;
    }

    @Override
    public Optional<Graph> graph() {
      return Optional.of(model);
    }

    @Override
    public Map<String, TensorScale> ends() {
      return Map.of();
    }

    @Override
    public Source calibrated(Samples calibration, Set<String> unjudged) {
      Imported calibrated =
          new Imported(model, originalEngine, formTolerance, Optional.of(calibration), unjudged);
      calibrated.observed(Evened.NOTHING);
      return calibrated;
    }

    @Override
    public byte[] follow(Recipe recipe) {
      Precision precision = recipe.candidate().precision();
      if (recipe.candidate().engine() == Engine.TFLITE) {
        return switch (precision) {
          case FP32 -> TfliteExport.write(model);
          case INT8 -> TfliteExport.write(quantized(recipe));
          case FP16, INT8_WEIGHTS ->
              throw new ModelRefusedException(
                  "TFLite files are written as fp32 or int8: let the profile name those, not "
                      + precision);
        };
      }
      return switch (precision) {
        case FP32 -> OnnxExport.write(model);
        case FP16 -> OnnxExport.writeHalf(model);
        case INT8_WEIGHTS -> WeightsExport.write(model);
        case INT8 -> QdqExport.write(quantized(recipe));
      };
    }

    private QuantizedGraph quantized(Recipe recipe) {
      Options options = recipe.options().orElseThrow();
      Scheme scheme = recipe.scheme().orElseThrow();
      Evened evened = scheme.perTensorWeights() ? Evened.WEIGHTS : Evened.ACTIVATIONS;
      Observed source = observed(options.equalization() ? evened : Evened.NOTHING);
      Map<String, float[]> shifts =
          options.meanMatching()
              ? MeanMatching.shifts(
                  source.graph(),
                  source.seen(),
                  source.weights(),
                  scheme,
                  options,
                  calibration.orElseThrow())
              : Map.of();
      return Quantizer.quantized(
          source.graph(), source.seen(), source.weights(), scheme, options, shifts);
    }
  }

  /**
   * A TFLite model that is integer already: itself, where a profile has the engine; else the same
   * weights as floats or, with the scales it came with, as the integers that a profile wants. It
   * keeps its int8 inputs and outputs.
   */
  final class Integers implements Source {
    private static final Candidate CANDIDATE = new Candidate(Engine.TFLITE, Precision.INT8);

    private final byte[] content;
    private final Optional<TfliteModel> model;
    private final String whyNoGraph;

    private Integers(byte[] content, Optional<TfliteModel> model, String whyNoGraph) {
      this.content = content;
      this.model = model;
      this.whyNoGraph = whyNoGraph;
    }

    static Integers of(byte[] content) {
      try {
        return new Integers(content, Optional.of(TfliteImport.readAny(content)), "");
      } catch (ModelRefusedException e) {
        // Its own engine may still run it.
        return new Integers(content, Optional.empty(), String.valueOf(e.getMessage()));
      }
    }

    @Override
    public List<Recipe> recipes(HardwareProfile profile) {
      List<Recipe> recipes = new ArrayList<>();
      for (Candidate candidate : profile.candidates()) {
        if (candidate.equals(CANDIDATE)) {
          recipes.add(reference());
        } else if (candidate.engine() != Engine.TFLITE && model.isPresent()) {
          recipes.add(Recipe.of(profile, candidate));
        }
      }
      boolean runsIt =
          profile.engines().contains(Engine.TFLITE)
              && profile.precisions().contains(Precision.INT8);
      if (runsIt && !recipes.contains(reference())) {
        recipes.add(reference());
      }
      if (recipes.isEmpty()) {
        throw new ModelRefusedException(
            "profile '%s' runs no int8 TFLite file, and this one cannot become another: %s"
                .formatted(
                    profile.id(),
                    model.isPresent()
                        ? "the profile names TFLite as floats only; package the float model"
                        : whyNoGraph + "; or package the float model"));
      }
      return recipes;
    }

    @Override
    public Recipe reference() {
      return new Recipe(CANDIDATE, Optional.empty(), Optional.empty());
    }

    @Override
    public Engine originalEngine() {
      return Engine.TFLITE;
    }

    @Override
    public double formTolerance() {
      return 0;
    }

    @Override
    public Optional<Graph> graph() {
      return Optional.empty();
    }

    @Override
    public Optional<String> whyNoGraph() {
      return model.isPresent() ? Optional.empty() : Optional.of(whyNoGraph);
    }

    @Override
    public Map<String, TensorScale> ends() {
      return TfliteImport.integerEnds(content);
    }

    @Override
    public List<String> boxOutputs() {
      return TfliteImport.detectionOutputs(content);
    }

    @Override
    public Source calibrated(Samples calibration, Set<String> unjudged) {
      return this;
    }

    @Override
    public byte[] follow(Recipe recipe) {
      if (recipe.candidate().equals(CANDIDATE)) {
        return content.clone();
      }
      TfliteModel known = model.orElseThrow();
      byte[] onnx =
          switch (recipe.candidate().precision()) {
            case FP32 -> OnnxExport.write(known.floats());
            case FP16 -> OnnxExport.writeHalf(known.floats());
            case INT8_WEIGHTS -> WeightsExport.write(known.floats());
            case INT8 ->
                QdqExport.write(
                    known.scales().quantized(known.graph(), recipe.scheme().orElseThrow()));
          };
      return IntegerEnds.around(onnx, known.ends());
    }
  }

  /**
   * Reads a model file.
   *
   * @param shape what an ONNX model's input is to be, where the file leaves it open
   * @throws ModelRefusedException if it is none that can be packaged
   */
  static Source read(Path file, Optional<InputShape> shape) throws IOException {
    String name = file.getFileName().toString();
    if (name.endsWith(".onnx")) {
      return new Imported(
          OnnxImport.read(file, shape), Engine.ONNXRUNTIME, FLOAT_TOLERANCE, Optional.empty());
    }
    if (!name.endsWith(".tflite")) {
      throw new ModelRefusedException(
          file + ": the name ends neither in .onnx nor in .tflite: rename it by what it is");
    }
    if (shape.isPresent()) {
      throw new ModelRefusedException(
          file + ": a TFLite file has a shape of its own: leave the input shape out");
    }
    if (Files.size(file) > OnnxImport.MODEL_BYTES_MAX) {
      throw new ModelRefusedException(
          "%s: the file has %d bytes, the limit is %d: prune the model"
              .formatted(file, Files.size(file), OnnxImport.MODEL_BYTES_MAX));
    }
    try {
      byte[] content = TfliteImport.content(file);
      if (TfliteImport.isInteger(content)) {
        return Integers.of(content);
      }
      Optional<TfliteDetector> detector = TfliteImport.detector(content);
      double tolerance = TfliteImport.isHybrid(content) ? HYBRID_TOLERANCE : FLOAT_TOLERANCE;
      Graph graph = detector.map(TfliteDetector::graph).orElseGet(() -> TfliteImport.read(content));
      Source imported = new Imported(graph, Engine.TFLITE, tolerance, Optional.empty());
      return detector
          .map(known -> (Source) new DetectorSource(content, imported, known.end()))
          .orElse(imported);
    } catch (ModelRefusedException e) {
      throw new ModelRefusedException(file + ": " + e.getMessage(), e);
    }
  }
}
