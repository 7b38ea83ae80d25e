package io.skerry.packager;

import io.skerry.artifact.OciLayout;
import io.skerry.packager.data.Samples;
import io.skerry.packager.emulate.EmulationException;
import io.skerry.packager.emulate.Emulator;
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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Chooses and writes one profile's variant. */
final class ProfilePackaging {
  private final HardwareProfile profile;
  private final boolean here;
  private final PackagingContext context;
  private final List<Recipe> recipes;
  private final List<Measured> candidates = new ArrayList<>();

  private ProfilePackaging(
      HardwareProfile profile, boolean here, PackagingContext context, List<Recipe> recipes) {
    this.profile = profile;
    this.here = here;
    this.context = context;
    this.recipes = new ArrayList<>(recipes);
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
      Path output)
      throws IOException, EngineException {
    return new ProfilePackaging(profile, here, context, recipes).run(output);
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
    List<Variant> variants = new ArrayList<>();
    for (int i = 0; i < recipes.size(); i++) {
      variants.add(variant(i, verdicts.get(i)));
    }
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
  private List<Choice.Verdict> proved() throws IOException {
    while (true) {
      List<Choice.Verdict> verdicts =
          Choice.among(candidates, context.maxDrop(), profile.memoryBudgetBytes());
      int winner = winner(verdicts);
      if (winner < 0 || here || !context.emulate()) {
        return verdicts;
      }
      Measured measured = candidates.get(winner);
      if (measured.proof() instanceof Proof.Emulated) {
        return verdicts;
      }
      candidates.set(winner, emulated(measured, recipes.get(winner)));
      if (!(candidates.get(winner).proof() instanceof Proof.Emulated)) {
        return Choice.among(candidates, context.maxDrop(), profile.memoryBudgetBytes());
      }
    }
  }

  private Measured emulated(Measured measured, Recipe recipe) throws IOException {
    return switch (Emulator.find(profile, context.arm64Root())) {
      case Emulator.Search.Missing(String reason) -> measured.with(new Proof.Unproved(reason));
      case Emulator.Search.Found(Emulator emulator) -> {
        int[] chosen = context.judge().spread(context.emulatedItemsMax());
        Samples items = context.evaluation().chosen(chosen);
        List<String> judged = context.forms().judged();
        try {
          Outputs outputs = emulated(emulator, recipe, judged, context.judge().floats(), items);
          Measured proved =
              measured.with(
                  new Proof.Emulated(
                      emulator.name(), context.judge().chosen(chosen).quality(outputs)));
          yield emulatedFault(emulator, recipe)
              .map(fault -> proved.failing(fault + " under " + emulator.name()))
              .orElse(proved);
        } catch (EmulationException e) {
          yield measured.with(new Proof.Unproved(Packaging.oneLine(e)));
        } catch (IllegalArgumentException e) {
          // The metric cannot be had of so few items.
          yield measured.with(
              new Proof.Unproved(
                  "%d items under %s are too few: %s"
                      .formatted(chosen.length, emulator.name(), Packaging.oneLine(e))));
        }
      }
    };
  }

  /** The items are others than those that judge: masks of as many would fill the disk. */
  private Optional<String> emulatedFault(Emulator emulator, Recipe recipe) throws IOException {
    Optional<Outputs> here = context.forms().form(recipe).unjudged();
    if (here.isEmpty() || context.unjudged().isEmpty()) {
      return Optional.empty();
    }
    int[] chosen = Samples.spread(here.get().items(), context.emulatedItemsMax());
    Samples items = context.forms().someOfEvaluation().chosen(chosen);
    Outputs there = emulated(emulator, recipe, context.forms().unjudged(), here.get(), items);
    return context.unjudged().get().chosen(chosen).fault(there);
  }

  private Outputs emulated(
      Emulator emulator, Recipe recipe, List<String> names, Outputs alike, Samples items)
      throws IOException {
    List<Integer> sizes = alike.parts().stream().map(Outputs::perItem).toList();
    Path file = context.forms().form(recipe).file();
    Engine engine = recipe.candidate().engine();
    Path folder = context.forms().folder();
    return emulator
        .outputs(List.of(new Emulator.Model(engine, file, names, sizes)), items, folder)
        .getFirst();
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
    Choice.Verdict told =
        new Choice.Verdict(verdict.measured(), verdict.winner(), String.join("; ", reasons));
    return new Variant(profile.id(), told, Optional.empty());
  }

  private Measured measured(Recipe recipe, Map<Digest, Timing> reported)
      throws IOException, EngineException {
    Forms.Form form = context.forms().form(recipe);
    Optional<Timing> timing =
        here ? context.forms().timing(recipe) : form.digest().map(reported::get);
    return new Measured(
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
  }

  /** What an engine does not compute as it was meant to; absent where nobody can look. */
  private Optional<List<String>> unfused(Recipe recipe, Forms.Form form)
      throws IOException, EngineException {
    // What an engine fuses differs between architectures: only this machine's is told.
    if (!profile.recognition().arch().equals(FactsProbe.detect().arch())
        || form.failure().isPresent()) {
      return Optional.empty();
    }
    if (recipe.candidate().engine() == Engine.TFLITE) {
      return Optional.of(Delegation.undelegated(form.file()));
    }
    if (recipe.candidate().precision() != Precision.INT8) {
      return Optional.empty();
    }
    Set<String> meant = recipe.options().map(Options::floats).orElse(Set.of());
    return Optional.of(
        FusionCheck.unfused(form.content()).stream()
            .filter(name -> meant.stream().noneMatch(node -> name.startsWith(node + " (")))
            .toList());
  }
}
