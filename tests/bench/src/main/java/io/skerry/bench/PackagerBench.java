package io.skerry.bench;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.packager.data.Dataset;
import io.skerry.packager.data.Samples;
import io.skerry.packager.measure.Bench;
import io.skerry.packager.measure.Delegation;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.measure.Timing;
import io.skerry.profile.Engine;
import io.skerry.profile.FactsProbe;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** What the packager makes of three real models, beside other tools' files of the same models. */
final class PackagerBench {
  private static final List<String> PROFILES =
      List.of("x86-64-vnni", "x86-64-avx2", "arm64-dotprod");
  private static final double DROP_MAX = 0.0075;
  private static final double AREA_DROP_MAX = 0.002;
  private static final double SIGNIFICANT = 0.05;
  private static final int SECONDS_MAX = 30;

  /** On which that is promised. */
  private static final int PROCESSORS = 2;

  private final Predicate<String> wanted;
  private final Consumer<Claim> told;
  private final boolean quick;
  private final Path folder;
  private final PackagerModels models;
  private final List<Claim> claims = new ArrayList<>();

  private PackagerBench(
      Predicate<String> wanted, boolean quick, Consumer<Claim> told, Path folder, Path data) {
    this.wanted = wanted;
    this.quick = quick;
    this.told = told;
    this.folder = folder;
    this.models = new PackagerModels(data, folder);
  }

  /** Measures; with {@code quick}, nothing is emulated. */
  static List<Claim> measure(Predicate<String> wanted, boolean quick, Consumer<Claim> told)
      throws Exception {
    Path data = PackagerModels.dataFolder();
    Path folder = Files.createTempDirectory("skerry-bench-packager-");
    try {
      PackagerBench bench = new PackagerBench(wanted, quick, told, folder, data);
      for (PackagerModels.Model model : bench.models.all()) {
        bench.measure(model);
      }
      return bench.claims;
    } finally {
      PackagerModels.delete(folder);
    }
  }

  private void measure(PackagerModels.Model model) throws Exception {
    String name = model.name();
    List<String> names =
        List.of(
            "accuracy " + name,
            "flips " + name,
            "latency " + name,
            "tflite " + name,
            "size " + name,
            "time " + name);
    if (names.stream().noneMatch(wanted)
        && PROFILES.stream().noneMatch(p -> wanted.test("accuracy " + name + " " + p))) {
      return;
    }
    Processors processors = Processors.first(PROCESSORS);
    PackRun here = PackRun.of(model, PROFILES, folder, Optional.empty(), processors);
    accuracy(model, here, PROFILES.getFirst());
    if (!quick) {
      PackRun emulated =
          PackRun.of(
              model,
              PROFILES.subList(1, PROFILES.size()),
              folder,
              Optional.of(model.emulatedItems()),
              Processors.first(Integer.MAX_VALUE));
      accuracy(model, emulated, PROFILES.get(1));
      accuracy(model, emulated, PROFILES.get(2));
    }
    latency(model, here);
    if (!name.equals(PackagerModels.CMAPSS)) {
      flips(model, here);
      size(model, here);
      reference(model, here);
    }
    if (name.equals(PackagerModels.RESNET8)) {
      add(
          "time " + name,
          "<= " + SECONDS_MAX,
          here.seconds(),
          "s",
          here.seconds() <= SECONDS_MAX,
          "three profiles, %d calibration items, nothing emulated, %s"
              .formatted(model.calibrationItems(), processors.told()));
    }
  }

  private void accuracy(PackagerModels.Model model, PackRun run, String profile) {
    JsonObject winner = run.winner(profile);
    JsonObject proof = winner.getAsJsonObject("proof");
    String where = proof.get("accuracy").getAsString();
    boolean proved = !where.equals("none");
    JsonObject quality =
        where.equals("emulated")
            ? proof.getAsJsonObject("quality")
            : winner.getAsJsonObject("quality");
    double difference = quality.get("difference").getAsDouble();
    JsonArray interval = quality.getAsJsonArray("differenceInterval");
    double high = interval.get(1).getAsDouble();
    boolean area = run.metric().equals("rocAuc");
    double drop = area ? AREA_DROP_MAX : DROP_MAX;
    String detail =
        String.format(
            Locale.ROOT,
            "%s %s %.4f, difference %+.4f [%+.4f, %+.4f], %d items, %s%s",
            PackRun.candidate(winner),
            run.metric(),
            quality.get("value").getAsDouble(),
            difference,
            interval.get(0).getAsDouble(),
            high,
            quality.get("items").getAsInt(),
            proved ? where : "UNPROVED: ",
            proved
                ? (proof.has("by") ? " by " + proof.get("by").getAsString() : "")
                : proof.get("reason").getAsString());
    add(
        "accuracy %s %s".formatted(model.name(), profile),
        ">= -%s and interval reaches 0".formatted(area ? ".002" : ".75 points"),
        area ? difference : 100 * difference,
        area ? "area under the curve" : "points",
        proved && difference >= -drop && high >= 0,
        detail);
  }

  private void latency(PackagerModels.Model model, PackRun run) {
    String host =
        ProfileCatalog.builtIn().bestMatch(FactsProbe.detect()).map(HardwareProfile::id).orElse("");
    if (!PROFILES.contains(host) || run.p50(host, "onnxruntime/fp32").isEmpty()) {
      add(
          "latency " + model.name(),
          ">= 1",
          0,
          "times",
          false,
          "this machine is none of " + PROFILES);
      return;
    }
    JsonObject winner = run.winner(host);
    double floats = run.p50(host, "onnxruntime/fp32").orElseThrow();
    double chosen = winner.get("p50Micros").getAsDouble();
    double faster = floats / chosen;
    add(
        "latency " + model.name(),
        ">= " + model.fasterMin(),
        faster,
        "times as fast as float ONNX Runtime",
        faster >= model.fasterMin(),
        String.format(
            Locale.ROOT,
            "%s %.1f us, float %.1f us, %s",
            PackRun.candidate(winner),
            chosen,
            floats,
            host));
  }

  /** Of the integer file; where float is faster it is a loser, and small all the same. */
  private void size(PackagerModels.Model model, PackRun run) {
    String profile = PROFILES.getFirst();
    String integers = PackRun.engine(run.winner(profile)) + "/int8";
    long bytes = run.bytes(profile, integers);
    double share = (double) bytes / run.bytes(profile, "onnxruntime/fp32");
    add(
        "size " + model.name(),
        "<= " + model.sizeMax(),
        share,
        "of float",
        share <= model.sizeMax(),
        "%s %d bytes".formatted(integers, bytes));
  }

  /** Items of which the shipped file says another class than the float model, beside others'. */
  private void flips(PackagerModels.Model model, PackRun run) throws Exception {
    JsonObject winner = run.winner(PROFILES.getFirst());
    Dataset evaluation = models.evaluation(model);
    Outputs floats = outputs(Engine.ONNXRUNTIME, model.file(), evaluation.samples());
    boolean[] ours =
        flipped(
            outputs(
                Engine.parse(winner.get("engine").getAsString()).orElseThrow(),
                run.file(PROFILES.getFirst(), winner),
                evaluation.samples()),
            floats);
    Map<String, boolean[]> theirs = new LinkedHashMap<>();
    PythonQuantizer.Result result = PythonQuantizer.quantize(model, models, folder);
    for (Map.Entry<String, Path> file : result.files().entrySet()) {
      theirs.put(
          file.getKey(),
          flipped(outputs(Engine.ONNXRUNTIME, file.getValue(), evaluation.samples()), floats));
    }
    Optional<Map.Entry<String, boolean[]>> best =
        theirs.entrySet().stream().min(Comparator.comparingInt(each -> count(each.getValue())));
    String claim = "flips %s onnxruntime.quantization".formatted(model.name());
    if (best.isEmpty()) {
      add(claim, "no comparison", count(ours), "items", false, result.failure());
    } else {
      int least = count(best.get().getValue());
      double tail = paired(ours, best.get().getValue());
      boolean fewer = count(ours) <= least;
      add(
          claim,
          model.strictFlips() ? "<= " + least : "not significantly > " + least,
          count(ours),
          "items",
          fewer || (!model.strictFlips() && tail >= SIGNIFICANT),
          "%s on %d items; onnxruntime.quantization %s:%s, best %s; paired p %s"
              .formatted(
                  PackRun.candidate(winner),
                  ours.length,
                  result.version(),
                  counts(theirs),
                  best.get().getKey(),
                  String.format(Locale.ROOT, "%.2f", tail)));
    }
    int reference = count(flipped(models.reference(model, evaluation.samples()), floats));
    add(
        "flips %s reference .tflite".formatted(model.name()),
        "< " + reference,
        count(ours),
        "items",
        count(ours) < reference,
        "%s against %s".formatted(PackRun.candidate(winner), model.referenceFile().getFileName()));
  }

  private static String counts(Map<String, boolean[]> theirs) {
    StringBuilder text = new StringBuilder();
    theirs.forEach((file, flips) -> text.append(' ').append(file).append(' ').append(count(flips)));
    return text.toString();
  }

  /** Our TFLite int8 file's latency beside the reference's, rounds in turn, and its delegation. */
  private void reference(PackagerModels.Model model, PackRun run) throws Exception {
    Bench bench = new Bench();
    Path ours = run.file(PROFILES.getFirst(), "tflite/int8");
    Dataset evaluation = models.evaluation(model);
    Samples quantized = models.quantized(model, evaluation.samples());
    List<Double> ratios = new ArrayList<>();
    List<Double> mine = new ArrayList<>();
    List<Double> others = new ArrayList<>();
    for (int round = 0; round < 5; round++) {
      Timing first =
          bench
              .timings(
                  List.of(bench.timed(Engine.TFLITE, ours, evaluation.samples())),
                  evaluation.samples())
              .getFirst();
      Timing second =
          bench
              .timings(
                  List.of(bench.timed(Engine.TFLITE, model.referenceFile(), quantized)), quantized)
              .getFirst();
      mine.add(first.p50Micros());
      others.add(second.p50Micros());
      ratios.add(first.p50Micros() / second.p50Micros());
    }
    double ratio = median(ratios);
    add(
        "tflite %s latency".formatted(model.name()),
        "<= 1.15",
        ratio,
        "of the reference file's",
        ratio <= 1.15,
        String.format(
            Locale.ROOT,
            "%.1f us, %s %.1f us, each the median of 5 rounds",
            median(mine),
            model.referenceFile().getFileName(),
            median(others)));
    List<String> rest = Delegation.undelegated(ours);
    add(
        "tflite %s delegated".formatted(model.name()),
        "= 0",
        rest.size(),
        "operators outside XNNPACK",
        rest.isEmpty(),
        "tflite/int8 as it is shipped " + rest);
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().toList().get(values.size() / 2);
  }

  private static Outputs outputs(Engine engine, Path file, Samples samples) throws Exception {
    Bench bench = new Bench();
    try (LoadedModel model = bench.load(engine, file)) {
      return bench.outputs(model, samples, model.signature().outputs().getFirst().name());
    }
  }

  private static boolean[] flipped(Outputs outputs, Outputs floats) {
    boolean[] flipped = new boolean[floats.items()];
    for (int item = 0; item < flipped.length; item++) {
      flipped[item] = outputs.prediction(item) != floats.prediction(item);
    }
    return flipped;
  }

  private static int count(boolean[] flags) {
    int count = 0;
    for (boolean flag : flags) {
      count += flag ? 1 : 0;
    }
    return count;
  }

  /** McNemar's exact two-sided tail: items that only one of the two flips. */
  private static double paired(boolean[] ours, boolean[] theirs) {
    int only = 0;
    int others = 0;
    for (int i = 0; i < ours.length; i++) {
      only += ours[i] && !theirs[i] ? 1 : 0;
      others += theirs[i] && !ours[i] ? 1 : 0;
    }
    double term = Math.pow(0.5, only + others);
    double sum = 0;
    for (int k = 0; k <= Math.min(only, others); k++) {
      sum += term;
      term = term * (only + others - k) / (k + 1);
    }
    return Math.min(1, 2 * sum);
  }

  private void add(
      String name, String required, double measured, String unit, boolean held, String detail) {
    if (!wanted.test(name)) {
      return;
    }
    Claim claim = new Claim(name, required, measured, unit, held, detail);
    told.accept(claim);
    claims.add(claim);
  }
}
