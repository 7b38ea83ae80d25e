package io.skerry.packager;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.job.JobFailure;
import io.skerry.packager.data.DataRefusedException;
import io.skerry.packager.data.Labels;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.BoxLayout;
import io.skerry.packager.measure.Judge;
import io.skerry.packager.measure.MaskLayout;
import io.skerry.packager.measure.Metric;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.measure.OutputsTooLargeException;
import io.skerry.packager.measure.Trial;
import io.skerry.packager.measure.Unjudged;
import io.skerry.packager.quantize.TensorScale;
import io.skerry.packager.sign.Baseline;
import io.skerry.packager.sign.VariantWriter;
import io.skerry.profile.Engine;
import io.skerry.profile.FactsProbe;
import io.skerry.profile.HardwareProfile;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.telemetry.signal.StatedSignal;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Packages one model version for its hardware profiles. */
final class Packaging {
  /** Told about every step. */
  @FunctionalInterface
  interface Progress {
    void step(String step, int done, int total, String message);

    /** What is known by now; no profile may be complete, nor may any ever ship. */
    default void seen(PackagingReport sofar) throws IOException {}
  }

  /** Passes steps on and keeps the last one: where a failure happened. */
  private static final class Steps implements Progress {
    private final Progress told;
    private String last = "start";

    Steps(Progress told) {
      this.told = told;
    }

    @Override
    public void step(String step, int done, int total, String message) {
      last = "%s %s".formatted(step, message);
      told.step(step, done, total, message);
    }

    @Override
    public void seen(PackagingReport sofar) throws IOException {
      told.seen(sofar);
    }
  }

  /** Element types that are compared. */
  private static final Set<ElementType> NUMBERS =
      Set.of(ElementType.FP32, ElementType.INT8, ElementType.UINT8);

  private final PackagingRequest request;
  private final Progress progress;
  private final List<HardwareProfile> profiles;

  private Packaging(PackagingRequest request, Progress progress) {
    this.request = request;
    this.progress = progress;
    this.profiles = request.profiles().stream().map(id -> profile(request, id)).toList();
    if (request.boxes().isPresent() && !comparesBoxes(request.metric())) {
      throw new JobFailure(
          ErrorCode.REQUEST_INVALID,
          "boxes are read by the metrics %s and %s alone: ask for one of them, or say nothing of boxes"
              .formatted(Metric.MEAN_AVERAGE_PRECISION.text(), Metric.AGREEMENT.text()));
    }
  }

  private static boolean comparesBoxes(Optional<Metric> metric) {
    return metric
        .map(m -> m == Metric.MEAN_AVERAGE_PRECISION || m == Metric.AGREEMENT)
        .orElse(true);
  }

  /**
   * Packages.
   *
   * @param output an existing folder; gets one folder per profile
   * @throws JobFailure if model, data or profiles do not allow it
   */
  static PackagingReport run(PackagingRequest request, Path output, Progress progress)
      throws IOException {
    Steps steps = new Steps(progress);
    try (PassingFolder folder = PassingFolder.temporary("skerry-pack-")) {
      return new Packaging(request, steps).run(output, folder.path());
    } catch (ModelRefusedException e) {
      throw new JobFailure(ErrorCode.PACKAGING_FAILED, oneLine(e), e);
    } catch (DataRefusedException e) {
      throw new JobFailure(ErrorCode.DATASET_INVALID, oneLine(e), e);
    } catch (OutputsTooLargeException e) {
      throw new JobFailure(
          ErrorCode.DATASET_INVALID, "%s: %s".formatted(request.file(), oneLine(e)), e);
    } catch (EngineException e) {
      throw new JobFailure(
          ErrorCode.PACKAGING_FAILED, "%s: %s".formatted(request.file(), oneLine(e)), e);
    } catch (OutOfMemoryError e) {
      throw new JobFailure(
          ErrorCode.PACKAGING_FAILED,
          "%s: packaging needs more than the %d MiB of memory that it has: %s"
              .formatted(
                  request.file(),
                  Runtime.getRuntime().maxMemory() >> 20,
                  "prune the model, or give fewer items"),
          e);
    } catch (InternalError e) {
      // What Java makes of a page of a mapped file that the disk has no room for, or cannot read.
      throw new JobFailure(
          ErrorCode.STORAGE_FAILED,
          "%s: a temporary file in %s could not be written or read back (%s): free disk space there"
              .formatted(request.file(), System.getProperty("java.io.tmpdir"), oneLine(e)),
          e);
    } catch (JobFailure | ArtifactException e) {
      throw e;
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } catch (RuntimeException e) {
      throw new JobFailure(
          ErrorCode.INTERNAL,
          "%s: packaging failed at the step '%s' (%s: %s): this is a fault of Skerry: report it"
              .formatted(request.file(), steps.last, e.getClass().getSimpleName(), oneLine(e)),
          e);
    }
  }

  private PackagingReport run(Path output, Path folder) throws IOException, EngineException {
    step("import", request.file().getFileName().toString());
    Source source = Source.read(request.file(), request.inputShape());
    if (source.originalEngine() == Engine.TFLITE) {
      Trial.run(Engine.TFLITE, request.file(), folder);
    }
    Path runnable = request.file();
    if (request.inputShape().isPresent()) {
      runnable = folder.resolve("fixed.onnx");
      Files.write(runnable, OnnxImport.fixed(request.file(), request.inputShape().get()));
    }
    try (LoadedModel original = original(source, runnable)) {
      TensorSpec input = original.signature().inputs().getFirst();
      checkType(input);
      if (source.graph().isEmpty() && input.shape().getFirst() > 1) {
        throw new ModelRefusedException(
            "%s: input '%s' is fixed to batches of %d: export it for batches of 1"
                .formatted(request.file(), input.name(), input.shape().getFirst()));
      }
      Optional<BoxLayout> boxes =
          request.boxes().or(source::boxes).filter(known -> comparesBoxes(request.metric()));
      Said first = said(original.signature(), boxes, source.boxOutputs());
      step("data", request.calibration().getFileName().toString());
      Items items = Items.read(request, input);
      Said said = agrees(items) && request.output().isEmpty() ? first.whole() : first;
      List<TensorSpec> unjudged = unjudged(original.signature(), said, source);
      checkClasses(items.evaluation(), items.calibration());
      checkClasses(items.evaluation(), items.reference());
      step("calibrate", "%d items".formatted(items.calibration().count()));
      Source calibrated =
          source.calibrated(
              items.calibration(),
              unjudged.stream().map(TensorSpec::name).collect(Collectors.toSet()));
      List<TensorSpec> read = Stream.concat(said.read().stream(), unjudged.stream()).toList();
      Forms forms =
          new Forms(
              calibrated,
              items.evaluation(),
              read.stream().map(TensorSpec::name).toList(),
              said.read().size(),
              folder);
      FloatForm.check(request.file(), original, calibrated, forms, items.evaluation());
      return run(calibrated, original, items, forms, said, unjudged, output);
    }
  }

  private LoadedModel original(Source source, Path runnable) throws EngineException {
    try {
      return new Bench().load(source.originalEngine(), runnable);
    } catch (EngineException e) {
      if (e.reason() == EngineException.Reason.ENGINE_UNAVAILABLE) {
        throw e;
      }
      // An engine tells what it does not know, but neither where in the model nor what to do.
      throw new ModelRefusedException(
          "%s: %s"
              .formatted(
                  request.file(),
                  source.whyNoGraph().orElseGet(() -> oneLine(e) + ": export the model again")),
          e);
    }
  }

  /** Items are floats or int8: no data can be converted to anything else. */
  private void checkType(TensorSpec input) {
    if (input.type() != ElementType.FP32 && input.type() != ElementType.INT8) {
      throw new ModelRefusedException(
          "%s: input '%s' is %s, which is not packaged: convert the model again with an input of floats or int8 (TensorFlow Lite: inference_input_type = tf.float32 or tf.int8)"
              .formatted(request.file(), input.name(), input.type()));
    }
  }

  private PackagingReport run(
      Source source,
      LoadedModel original,
      Items items,
      Forms forms,
      Said said,
      List<TensorSpec> unjudged,
      Path output)
      throws IOException, EngineException {
    Forms.Form floats = forms.form(source.reference());
    Judge judge = judge(floats.evaluation().orElseThrow(), items, said);
    checkValue(judge);
    List<String> classes = classes(items.evaluation(), judge);
    Optional<Tuning> tuning = tuning(source, forms, items);
    Map<HardwareProfile, List<Recipe>> recipes = new LinkedHashMap<>();
    Map<String, String> refused = new LinkedHashMap<>();
    for (HardwareProfile profile : profiles) {
      step("quantize", profile.id());
      try {
        List<Recipe> tuned = new ArrayList<>();
        for (Recipe recipe : source.recipes(profile)) {
          tuned.add(tuning.isPresent() ? tuning.get().tuned(recipe) : recipe);
        }
        recipes.put(profile, tuned);
      } catch (ModelRefusedException e) {
        refused.put(profile.id(), "profile '%s': %s".formatted(profile.id(), oneLine(e)));
      }
    }
    Optional<HardwareProfile> host = host();
    Outputs referred = forms.outputs(source.reference(), items.reference());
    Baseline baseline =
        baseline(source.ends(), original.signature(), said.score(), items, judge, referred);
    PackagingContext context =
        new PackagingContext(
            forms,
            tuning,
            judge,
            floats
                .unjudged()
                .map(others -> Unjudged.of(said.read(), unjudged, others, request.threshold())),
            items.calibration().count(),
            items.shared(),
            items.evaluation(),
            request.maxDrop().orElse(judge.metric().maxDrop()),
            request.emulation().isPresent(),
            request.emulation().map(PackagingRequest.Emulation::itemsMax).orElse(0),
            request.emulation().flatMap(PackagingRequest.Emulation::arm64Root),
            request.timings(),
            request.lost(),
            baseline,
            new VariantWriter(
                request.model(),
                request.releaseCounter(),
                request.goldenItems().map(items.calibration()::first).orElse(items.calibration()),
                baseline,
                request.keys(),
                classes));
    List<Variant> variants = new ArrayList<>();
    for (HardwareProfile profile : List.copyOf(recipes.keySet())) {
      boolean here = host.filter(profile::equals).isPresent();
      progress.step(
          here ? "measure" : "package", profiles.indexOf(profile), profiles.size(), profile.id());
      ProfilePackaging.Seen seen =
          now -> {
            List<Variant> all = new ArrayList<>(variants);
            all.addAll(now);
            progress.seen(context.report(all, refused));
          };
      ProfilePackaging.Result result =
          ProfilePackaging.run(
              profile, here, context, recipes.getOrDefault(profile, List.of()), seen, output);
      recipes.put(profile, result.recipes());
      variants.addAll(result.variants());
      result.refusal().ifPresent(reason -> refused.put(profile.id(), reason));
    }
    if (refused.size() == profiles.size()) {
      throw new JobFailure(ErrorCode.PACKAGING_FAILED, String.join("; ", refused.values()));
    }
    if (request.candidates().isPresent()) {
      PackagingRequest.Candidates to = request.candidates().get();
      if (!to.alsoTimed()) {
        host.ifPresent(recipes::remove);
      }
      writeCandidates(to, recipes, forms);
    }
    progress.step("package", profiles.size(), profiles.size(), "done");
    return context.report(variants, refused);
  }

  private void step(String step, String message) {
    progress.step(step, 0, profiles.size(), message);
  }

  private static Optional<Tuning> tuning(Source source, Forms forms, Items items)
      throws IOException, EngineException {
    if (source.graph().isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new Tuning(
            source.graph().get(),
            forms,
            items.calibration(),
            forms.outputs(source.reference(), items.calibration())));
  }

  /** The files of all candidates, for a device of the profile to time. */
  private static void writeCandidates(
      PackagingRequest.Candidates to, Map<HardwareProfile, List<Recipe>> recipes, Forms forms)
      throws IOException {
    long left = to.bytesMax();
    for (Map.Entry<HardwareProfile, List<Recipe>> each : recipes.entrySet()) {
      Map<Recipe, Forms.Form> made = new LinkedHashMap<>();
      for (Recipe recipe : each.getValue()) {
        Forms.Form form = forms.form(recipe);
        if (form.failure().isEmpty()) {
          made.put(recipe, form);
        }
      }
      long bytes = made.values().stream().mapToLong(Forms.Form::bytes).sum();
      // Times of some of them would not compare.
      if (bytes <= left) {
        left -= bytes;
        Path own = Files.createDirectories(to.folder().resolve(each.getKey().id()));
        Set<String> names = new HashSet<>();
        for (Map.Entry<Recipe, Forms.Form> form : made.entrySet()) {
          Files.write(own.resolve(fileName(form.getKey(), names)), form.getValue().content());
        }
      }
    }
  }

  /** A name that no other has: a candidate may have been mixed twice, here and under emulation. */
  private static String fileName(Recipe recipe, Set<String> taken) {
    boolean mixed = recipe.options().filter(o -> !o.floats().isEmpty()).isPresent();
    String name = recipe.candidate().toString().replace('/', '-') + (mixed ? "-mixed" : "");
    String ending = recipe.candidate().engine() == Engine.TFLITE ? ".tflite" : ".onnx";
    String free = name + ending;
    for (int number = 2; !taken.add(free); number++) {
      free = "%s-%d%s".formatted(name, number, ending);
    }
    return free;
  }

  /** Outputs of numbers by which nobody judges: of an item, and of a size that is known. */
  private static List<TensorSpec> unjudged(ModelSignature signature, Said said, Source source) {
    long batch = signature.inputs().getFirst().shape().getFirst();
    return signature.outputs().stream()
        .filter(output -> !said.read().contains(output) && NUMBERS.contains(output.type()))
        .filter(output -> !output.shape().isEmpty() && output.shape().getFirst() == batch)
        .filter(output -> output.shape().stream().skip(1).allMatch(size -> size > 0))
        .filter(
            output -> source.graph().stream().allMatch(g -> g.outputs().contains(output.name())))
        .toList();
  }

  /**
   * What the model says.
   *
   * @param outputs that may be judged by, in the model's order or as they were named
   * @param read those that are
   * @param boxes what they hold; absent where nobody says that it is boxes
   */
  private record Said(List<TensorSpec> outputs, List<TensorSpec> read, Optional<BoxLayout> boxes) {
    /** All outputs that hold numbers, where nobody says which is to be judged by. */
    Said whole() {
      List<TensorSpec> numbers =
          outputs.stream()
              .filter(output -> output.equals(score()) || NUMBERS.contains(output.type()))
              .toList();
      return boxes.isPresent() ? this : new Said(outputs, numbers, boxes);
    }

    /** The output whose first number, or all, devices watch. */
    TensorSpec score() {
      return read.getFirst();
    }
  }

  private Said said(ModelSignature signature, Optional<BoxLayout> known, List<String> boxOutputs) {
    BoxLayout boxes = known.orElse(BoxLayout.CORNERS);
    boolean ordered =
        boxes == BoxLayout.DETECTION_POSTPROCESS
            && !boxOutputs.isEmpty()
            && boxOutputs.stream().allMatch(name -> signature.output(name).isPresent());
    List<TensorSpec> outputs =
        request
            .output()
            .map(
                names ->
                    boxes == BoxLayout.DETECTION_POSTPROCESS
                        ? List.of(names.split(",", -1))
                        : List.of(names))
            .or(() -> ordered ? Optional.of(boxOutputs) : Optional.empty())
            .map(names -> names.stream().map(name -> output(signature, name)).toList())
            .orElse(signature.outputs());
    try {
      return new Said(outputs, boxes.read(outputs), known);
    } catch (IllegalArgumentException e) {
      throw new ModelRefusedException("%s: %s".formatted(request.file(), e.getMessage()), e);
    }
  }

  private TensorSpec output(ModelSignature signature, String name) {
    return signature
        .output(name)
        .orElseThrow(
            () ->
                new ModelRefusedException(
                    "%s: there is no output '%s', only %s"
                        .formatted(
                            request.file(),
                            name,
                            signature.outputs().stream().map(TensorSpec::name).toList())));
  }

  private Baseline baseline(
      Map<String, TensorScale> ends,
      ModelSignature signature,
      TensorSpec score,
      Items items,
      Judge judge,
      Outputs referred) {
    TensorSpec input = signature.inputs().getFirst();
    Optional<StatedSignal.Taken> signal = signal(input, items.reference(), ends.get(input.name()));
    List<Feature> named = request.monitoring().features();
    List<Feature> features =
        signal
            .map(taken -> Baseline.ofSignal(named, taken))
            .orElseGet(
                () ->
                    named.isEmpty()
                        ? Baseline.unnamedFeatures(input.name(), input.elementsPerItem())
                        : named);
    for (Feature feature : features) {
      if (feature.offset() < 0 || feature.offset() >= input.elementsPerItem()) {
        throw new DataRefusedException(
            "feature '%s' is element %d, an item has %d: correct its offset"
                .formatted(feature.name(), feature.offset(), input.elementsPerItem()));
      }
    }
    checkRules(features, signature);
    Baseline.Output output =
        judge.comparesClasses()
            ? Baseline.Output.classes(
                score.name(), request.threshold(), judge.score(), ends.get(score.name()))
            : Baseline.Output.score(
                score.name(),
                request.threshold(),
                referred,
                ends.get(score.name()),
                !judge.saysClasses());
    Baseline baseline =
        new Baseline(
            input.name(),
            features,
            items.reference(),
            output,
            request.monitoring(),
            items.referenceLabels().map(l -> judge.saysClasses() ? l.oneHot().orElse(l) : l),
            ends,
            signal);
    baseline.checkSignal();
    return baseline;
  }

  private Optional<StatedSignal.Taken> signal(
      TensorSpec input, Samples reference, @Nullable TensorScale scale) {
    if (request.monitoring().signal().isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          request
              .monitoring()
              .signal()
              .get()
              .of(input.shapeOfItem(), () -> Baseline.range(reference, scale)));
    } catch (MalformedDocumentException e) {
      throw new DataRefusedException(
          "input '%s': %s".formatted(input.name(), String.valueOf(e.getMessage())), e);
    }
  }

  private void checkRules(List<Feature> features, ModelSignature signature) {
    try {
      request
          .monitoring()
          .checkFields(
              features.stream().map(Feature::name).toList(),
              signature.inputs().stream().map(TensorSpec::name).toList(),
              signature.outputs().stream().map(TensorSpec::name).toList());
    } catch (MalformedDocumentException e) {
      throw new JobFailure(ErrorCode.REQUEST_INVALID, String.valueOf(e.getMessage()), e);
    }
  }

  /** Whether the float model is the judge. */
  private boolean agrees(Items items) {
    return items.labels().isEmpty() || request.metric().equals(Optional.of(Metric.AGREEMENT));
  }

  private Judge judge(Outputs floats, Items items, Said said) {
    Optional<Metric> wanted = request.metric();
    if (agrees(items)) {
      if (wanted.isPresent() && wanted.get() != Metric.AGREEMENT) {
        throw new DataRefusedException(
            "metric %s needs labels: give them, or ask for agreement"
                .formatted(wanted.get().text()));
      }
      List<List<Long>> shapes = said.read().stream().map(TensorSpec::shapeOfItem).toList();
      return said.boxes().isPresent()
          ? ofBoxes(reading -> Judge.byBoxes(floats, request.threshold(), reading), said, floats)
          : Judge.byFloatModel(floats, shapes, request.threshold());
    }
    Labels labels = asClasses(items.labels().get(), floats, said);
    boolean binary = floats.perItem() <= 2 && labels.areClasses() && labels.largest() <= 1;
    Metric metric =
        wanted
            .or(() -> said.boxes().map(boxes -> Metric.MEAN_AVERAGE_PRECISION))
            .orElseGet(() -> defaultMetric(floats, labels, binary));
    boolean classes = metric == Metric.ROC_AUC || metric == Metric.ACCURACY;
    if (classes && labels.perItem() > 1) {
      throw new DataRefusedException(
          "%s: holds %d numbers for each item, metric %s needs one class: give its number from 0, or %d numbers of which a single one is 1 and all others 0"
              .formatted(
                  labelSource(), labels.perItem(), metric.text(), Math.max(2, floats.perItem())));
    }
    if (classes && !labels.areClasses()) {
      int item = labels.firstThatIsNoClass();
      throw new DataRefusedException(
          "%s: the label of item %d is %s, no class from 0: metric %s needs one class per item"
              .formatted(labelSource(), item, labels.at(item, 0), metric.text()));
    }
    if ((classes && labels.largest() >= Math.max(2, floats.perItem()))
        || (metric == Metric.ROC_AUC && !binary)) {
      throw new DataRefusedException(
          "%s: label %d does not fit %d outputs and metric %s: check the labels"
              .formatted(labelSource(), labels.largest(), floats.perItem(), metric.text()));
    }
    if (metric == Metric.MEAN_IOU) {
      return ofMasks(floats, labels, said.score());
    }
    if (metric != Metric.MEAN_AVERAGE_PRECISION) {
      return Judge.byLabels(metric, floats, labels, request.threshold());
    }
    return ofBoxes(
        reading -> Judge.byLabels(metric, floats, labels, request.threshold(), reading),
        said,
        floats);
  }

  /** Rows with a single 1, as many numbers as the model has classes, are classes. */
  private Labels asClasses(Labels labels, Outputs floats, Said said) {
    boolean numbers =
        request.metric().filter(m -> m != Metric.ACCURACY && m != Metric.ROC_AUC).isPresent();
    return numbers || said.boxes().isPresent() || labels.perItem() != Math.max(2, floats.perItem())
        ? labels
        : labels.oneHot().orElse(labels);
  }

  /** A judge of boxes, once the outputs are seen to hold such. */
  private Judge ofBoxes(Function<UnaryOperator<Outputs>, Judge> judge, Said said, Outputs floats) {
    try {
      BoxLayout boxes = said.boxes().orElse(BoxLayout.CORNERS);
      UnaryOperator<Outputs> reading = boxes.reading(said.outputs(), floats);
      return judge.apply(reading);
    } catch (IllegalArgumentException e) {
      throw new DataRefusedException(
          "%s: %s".formatted(request.file(), String.valueOf(e.getMessage())), e);
    }
  }

  private Judge ofMasks(Outputs floats, Labels labels, TensorSpec output) {
    try {
      MaskLayout masks = MaskLayout.of(output, floats.perItem(), labels, request.threshold());
      masks.check(labels);
      return Judge.byLabels(Metric.MEAN_IOU, floats, labels, request.threshold(), masks::read);
    } catch (IllegalArgumentException e) {
      throw new DataRefusedException(
          "%s: %s".formatted(labelSource(), String.valueOf(e.getMessage())), e);
    }
  }

  private static Metric defaultMetric(Outputs floats, Labels labels, boolean binary) {
    if (binary) {
      return Metric.ROC_AUC;
    }
    boolean regression = floats.perItem() == labels.perItem() && !labels.areClasses();
    return regression || floats.perItem() == 1 ? Metric.RMSE : Metric.ACCURACY;
  }

  private Path labelSource() {
    return request.evaluationLabels().or(request::evaluationInputs).orElse(request.calibration());
  }

  private void checkValue(Judge judge) {
    // Of few items and many classes, none may be right of a model that is; something is found.
    boolean finds =
        judge.metric() == Metric.MEAN_AVERAGE_PRECISION || judge.metric() == Metric.MEAN_IOU;
    try {
      if (judge.floatValue() == 0 && finds) {
        throw new DataRefusedException(
            "%s: the given model finds nothing of what they say, its %s is 0: give them in its own unit and classes, from 0"
                .formatted(labelSource(), judge.metric().text()));
      }
    } catch (IllegalArgumentException e) {
      throw new DataRefusedException(
          "%s: %s: %s"
              .formatted(
                  labelSource(),
                  e.getMessage(),
                  judge.metric() == Metric.AGREEMENT
                      ? "give items that show what it detects"
                      : "check the labels or add items"),
          e);
    }
  }

  /** Folders of images name classes by position: both must hold the same ones. */
  private static void checkClasses(Samples one, Samples other) {
    List<String> missing = without(one.classes(), other.classes());
    List<String> more = without(other.classes(), one.classes());
    boolean named = !one.classes().isEmpty() && !other.classes().isEmpty();
    if (named && !(missing.isEmpty() && more.isEmpty())) {
      throw new DataRefusedException(
          "%s has %s and %s has %s, classes that the other lacks: give both a folder of each class"
              .formatted(other.source(), more, one.source(), missing));
    }
  }

  private static List<String> without(List<String> names, List<String> others) {
    return names.stream().filter(name -> !others.contains(name)).toList();
  }

  /** Names of the score's elements, where the evaluation data names them. */
  private List<String> classes(Samples evaluation, Judge judge) {
    int elements = Math.max(2, judge.score().perItem());
    boolean told = request.evaluationLabels().isEmpty() && judge.saysClasses();
    if (!told || evaluation.classes().isEmpty()) {
      return List.of();
    }
    if (evaluation.classes().size() != elements) {
      throw new DataRefusedException(
          "%s: holds %d classes %s, the model says %d: give a folder of each class, in order"
              .formatted(
                  evaluation.source(),
                  evaluation.classes().size(),
                  evaluation.classes(),
                  elements));
    }
    return evaluation.classes();
  }

  /** The wanted profile that this machine is of, if any. */
  private Optional<HardwareProfile> host() {
    // The bench runs on the processor; an accelerator's time would not be what was measured.
    return request
        .catalog()
        .bestMatch(
            FactsProbe.detect(), profile -> profile.executionProviders().equals(List.of("cpu")))
        .filter(profiles::contains);
  }

  private static HardwareProfile profile(PackagingRequest request, String id) {
    return request
        .catalog()
        .profile(id)
        .orElseThrow(
            () ->
                new JobFailure(
                    ErrorCode.REQUEST_INVALID,
                    "there is no hardware profile '%s', only %s"
                        .formatted(
                            id,
                            request.catalog().profiles().stream()
                                .map(HardwareProfile::id)
                                .toList())));
  }

  static String oneLine(Throwable thrown) {
    String message = thrown.getMessage();
    return message == null
        ? thrown.getClass().getSimpleName()
        : message.replaceAll("\\s*\\R\\s*", " ");
  }

  static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }
}
