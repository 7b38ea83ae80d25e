package io.skerry.packager;

import io.skerry.artifact.OciLayout;
import io.skerry.packager.measure.Choice;
import io.skerry.packager.measure.Delegation;
import io.skerry.packager.measure.DeviceTimes;
import io.skerry.packager.measure.FusionCheck;
import io.skerry.packager.measure.Measured;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.measure.Proof;
import io.skerry.packager.measure.Timing;
import io.skerry.packager.quantize.Options;
import io.skerry.profile.Engine;
import io.skerry.profile.FactsProbe;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.Precision;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ProfileId;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Chooses and writes one profile's variant. */
final class ProfilePackaging {
  /** Mixed forms of one candidate that are proved under emulation at most. */
  private static final int EMULATED_MIXED_MAX = 4;

  private final HardwareProfile profile;
  private final boolean here;
  private final PackagingContext context;
  private final List<Recipe> recipes;
  private final Seen seen;
  private final List<Measured> candidates = new ArrayList<>();
  private final Map<Recipe, String> remarks = new HashMap<>();

  private ProfilePackaging(
      HardwareProfile profile,
      boolean here,
      PackagingContext context,
      List<Recipe> recipes,
      Seen seen) {
    this.profile = profile;
    this.here = here;
    this.context = context;
    this.seen = seen;
    this.recipes = new ArrayList<>(recipes);
  }

  /** Told of all variants of a profile whenever one was seen to lose, and when all are judged. */
  @FunctionalInterface
  interface Seen {
    void variants(List<Variant> now) throws IOException;
  }

  /**
   * What came of a profile.
   *
   * @param recipes of all candidates, those of mixed precision too
   * @param variants one per recipe
   * @param refusal why none of them ships; absent when one does
   */
  record Result(List<Recipe> recipes, List<Variant> variants, Optional<String> refusal) {
    Result {
      recipes = List.copyOf(recipes);
      variants = List.copyOf(variants);
    }
  }

  /**
   * Packages for a profile.
   *
   * @param here whether this machine is of it
   * @param recipes tuned ones, in the profile's order
   */
  static Result run(
      HardwareProfile profile,
      boolean here,
      PackagingContext context,
      List<Recipe> recipes,
      Seen seen,
      Path output)
      throws IOException, EngineException {
    return new ProfilePackaging(profile, here, context, recipes, seen).run(output);
  }

  private Result run(Path output) throws IOException, EngineException {
    addMixed();
    if (here) {
      // All in one session: times of another one, of a busier machine perhaps, do not compare.
      context.forms().time(recipes);
    }
    Map<Digest, Timing> reported = reported();
    for (Recipe recipe : recipes) {
      candidates.add(measured(recipe, reported));
    }
    List<Choice.Verdict> verdicts = proved();
    List<Variant> variants = variants(verdicts);
    seen.variants(variants);
    int winner = winner(verdicts);
    if (winner < 0) {
      String refusal =
          "no variant for profile '%s' is good enough: %s: allow a larger drop or more memory"
              .formatted(
                  profile.id(),
                  verdicts.stream()
                      .map(v -> v.measured().candidate() + " " + v.reason())
                      .collect(Collectors.joining("; ")));
      return new Result(recipes, variants, Optional.of(refusal));
    }
    byte[] measurements = context.report(variants).json().getBytes(StandardCharsets.UTF_8);
    Recipe recipe = recipes.get(winner);
    Forms.Form form = context.forms().form(recipe);
    Outputs reference = context.forms().outputs(recipe, context.baseline().reference());
    try (LoadedModel loaded = context.forms().load(recipe)) {
      OciLayout layout =
          context
              .writer()
              .write(
                  output.resolve(profile.id()),
                  new ProfileId(profile.id()),
                  recipe.candidate(),
                  form.content(),
                  loaded,
                  reference,
                  measurements);
      variants.set(
          winner, new Variant(profile.id(), variants.get(winner).verdict(), Optional.of(layout)));
    }
    return new Result(recipes, variants, Optional.empty());
  }

  private List<Variant> variants(List<Choice.Verdict> verdicts) throws IOException {
    List<Variant> variants = new ArrayList<>();
    for (int i = 0; i < recipes.size(); i++) {
      variants.add(variant(i, verdicts.get(i)));
    }
    return variants;
  }

  /** Integer candidates that lose too much, again with their worst layers in float. */
  private void addMixed() throws IOException {
    if (context.tuning().isEmpty()) {
      return;
    }
    for (int i = 0; i < recipes.size(); i++) {
      Recipe recipe = recipes.get(i);
      Forms.Form form = context.forms().form(recipe);
      if (recipe.options().isPresent() && form.failure().isEmpty() && !keeps(form)) {
        Optional<Recipe> mixed = context.tuning().get().mixed(recipe, this::keeps);
        if (mixed.isPresent() && !recipes.contains(mixed.get())) {
          recipes.add(++i, mixed.get());
        }
      }
    }
  }

  private boolean keeps(Forms.Form form) {
    return context.fault(form).isEmpty()
        && form.evaluation()
            .map(context.judge()::quality)
            .filter(quality -> quality.keeps(context.maxDrop()))
            .isPresent();
  }

  /** What devices of the profile told of the candidates' files, where this machine is of none. */
  private Map<Digest, Timing> reported() throws IOException {
    Set<Digest> floats = new HashSet<>();
    Set<Digest> all = new HashSet<>();
    for (Recipe recipe : recipes) {
      Optional<Digest> digest = context.forms().form(recipe).digest();
      digest.ifPresent(all::add);
      if (recipe.candidate().precision() == Precision.FP32) {
        digest.ifPresent(floats::add);
      }
    }
    return here ? Map.of() : DeviceTimes.of(context.timings(), profile.id(), floats, all);
  }

  /** Verdicts of which the winner was run where its accuracy counts, if that can be. */
  private List<Choice.Verdict> proved() throws IOException, EngineException {
    EmulatedProofs proofs = new EmulatedProofs(profile, context);
    while (true) {
      List<Choice.Verdict> verdicts = verdicts();
      int winner = winner(verdicts);
      if (winner < 0 || here || !context.emulate()) {
        return verdicts;
      }
      Measured measured = candidates.get(winner);
      if (measured.proof() instanceof Proof.Emulated) {
        return verdicts;
      }
      Measured proved = proofs.proved(measured, recipes.get(winner));
      boolean ran = proved.proof() instanceof Proof.Emulated;
      Optional<String> lost = ran ? lostThere(proved) : lostBefore(proved);
      candidates.set(winner, lost.map(proved::failing).orElse(proved));
      if (ran && lost.isPresent()) {
        // The search takes long, and whoever loses patience with it must not lose this.
        seen.variants(variants(verdicts()));
        addMixedThere(proofs, winner);
      } else if (lost.isEmpty()) {
        return verdicts();
      }
    }
  }

  private List<Choice.Verdict> verdicts() {
    return Choice.among(candidates, context.maxDrop(), profile.memoryBudgetBytes());
  }

  private boolean isGood(Measured alone) {
    return lostThere(alone).isEmpty();
  }

  /** Why one that ran under emulation, and was good here, must not ship. */
  private Optional<String> lostThere(Measured alone) {
    Choice.Verdict verdict =
        Choice.among(List.of(alone), context.maxDrop(), profile.memoryBudgetBytes()).getFirst();
    return verdict.winner() ? Optional.empty() : Optional.of(verdict.reason());
  }

  /** Why one that cannot be run there now must not ship: what came of it when it could. */
  private Optional<String> lostBefore(Measured measured) {
    return context.lost().stream()
        .filter(
            lost ->
                lost.profile().equals(profile.id())
                    && measured.digest().filter(lost.file()::equals).isPresent())
        .findFirst()
        .map(
            lost ->
                "lost too much when it was last run on such a processor (%s): prove it again with --emulate"
                    .formatted(lost.reason()));
  }

  /**
   * One that loses under emulation, again with as few of its worst parts in float as were seen to
   * be enough there, by halves: a run there takes long.
   */
  private void addMixedThere(EmulatedProofs proofs, int failed)
      throws IOException, EngineException {
    List<Recipe> mixed = proofs.mixed(recipes.get(failed));
    int parts = mixed.size() + 1;
    List<String> tried = new ArrayList<>();
    Optional<Recipe> enough = Optional.empty();
    Optional<Proof> proof = Optional.empty();
    int from = 0;
    int to = mixed.size();
    while (from < to && tried.size() < EMULATED_MIXED_MAX) {
      int middle = (from + to) / 2;
      Recipe recipe = mixed.get(middle);
      Measured form = measured(recipe, Map.of());
      if (isGood(form)) {
        form = proofs.proved(form, recipe);
      }
      boolean ran = form.proof() instanceof Proof.Emulated;
      boolean good = ran && isGood(form);
      if (good) {
        enough = Optional.of(recipe);
        proof = Optional.of(form.proof());
        to = middle;
      } else {
        from = middle + 1;
      }
      tried.add("%d %s".formatted(middle + 1, good ? "enough" : ran ? "too few" : "not run"));
    }
    if (!tried.isEmpty()) {
      remarks.put(
          recipes.get(failed),
          "there with the worst of its %d parts in float: %s"
              .formatted(parts, String.join(", ", tried)));
    }
    if (enough.isPresent() && !recipes.contains(enough.get())) {
      add(failed + 1, enough.get(), proof.orElseThrow());
    }
  }

  private void add(int place, Recipe recipe, Proof proof) throws IOException, EngineException {
    recipes.add(place, recipe);
    // A file more may change by which device the others' times are told, too.
    Map<Digest, Timing> reported = reported();
    candidates.replaceAll(known -> known.at(known.digest().map(reported::get)));
    candidates.add(place, measured(recipe, reported).with(proof));
  }

  private static int winner(List<Choice.Verdict> verdicts) {
    for (int i = 0; i < verdicts.size(); i++) {
      if (verdicts.get(i).winner()) {
        return i;
      }
    }
    return -1;
  }

  /** What became of a candidate, with what a reader of it must know. */
  private Variant variant(int candidate, Choice.Verdict verdict) throws IOException {
    List<String> reasons = new ArrayList<>(List.of(verdict.reason()));
    verdict
        .measured()
        .quality()
        .flatMap(quality -> context.judge().remark(quality.value()))
        .ifPresent(reasons::add);
    context.remark(context.forms().form(recipes.get(candidate))).ifPresent(reasons::add);
    Optional.ofNullable(remarks.get(recipes.get(candidate))).ifPresent(reasons::add);
    Choice.Verdict told =
        new Choice.Verdict(verdict.measured(), verdict.winner(), String.join("; ", reasons));
    return new Variant(profile.id(), told, Optional.empty());
  }

  private Measured measured(Recipe recipe, Map<Digest, Timing> reported)
      throws IOException, EngineException {
    Forms.Form form = context.forms().form(recipe);
    Optional<Timing> timing =
        here ? context.forms().timing(recipe) : form.digest().map(reported::get);
    Measured measured =
        new Measured(
            recipe.candidate(),
            recipe.texts(),
            form.bytes(),
            form.digest(),
            form.evaluation().map(context.judge()::quality),
            timing,
            context.forms().estimatedMemoryBytes(recipe),
            here ? new Proof.Here() : new Proof.Unproved("not run on such a processor"),
            unfused(recipe, form),
            form.failure().or(() -> context.fault(form)));
    // Where it can be run there, what comes of that counts.
    return here || context.emulate()
        ? measured
        : lostBefore(measured).map(measured::failing).orElse(measured);
  }

  /** What an engine does not compute as it was meant to; absent where nobody can look. */
  private Optional<List<String>> unfused(Recipe recipe, Forms.Form form)
      throws IOException, EngineException {
    if (form.failure().isPresent()) {
      return Optional.empty();
    }
    if (recipe.candidate().engine() == Engine.TFLITE) {
      // XNNPACK chooses by the file, on every architecture alike.
      return Optional.of(Delegation.undelegated(form.file()));
    }
    // What ONNX Runtime fuses differs between architectures: only this machine's is told.
    if (!profile.recognition().arch().equals(FactsProbe.detect().arch())
        || recipe.candidate().precision() != Precision.INT8) {
      return Optional.empty();
    }
    Set<String> meant = recipe.options().map(Options::floats).orElse(Set.of());
    return Optional.of(
        FusionCheck.unfused(form.content()).stream()
            .filter(name -> meant.stream().noneMatch(node -> name.startsWith(node + " (")))
            .toList());
  }
}
