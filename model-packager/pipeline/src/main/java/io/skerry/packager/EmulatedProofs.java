package io.skerry.packager;

import io.skerry.packager.data.Samples;
import io.skerry.packager.emulate.EmulationException;
import io.skerry.packager.emulate.Emulator;
import io.skerry.packager.measure.Measured;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.measure.Proof;
import io.skerry.profile.Engine;
import io.skerry.profile.HardwareProfile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Runs candidates of a profile where their accuracy counts: on its kind of processor, emulated. */
final class EmulatedProofs {
  /** So many parts of a graph are measured there at most: each is a run. */
  private static final int PARTS_MAX = 16;

  /** Items on which each part's sensitivity is measured there. */
  private static final int PART_ITEMS_MAX = 32;

  private final PackagingContext context;
  private final Emulator.Search search;

  EmulatedProofs(HardwareProfile profile, PackagingContext context) {
    this.context = context;
    this.search = Emulator.find(profile, context.arm64Root());
  }

  /** What came of a run there; unproved where there can be none. */
  Measured proved(Measured measured, Recipe recipe) throws IOException {
    return switch (search) {
      case Emulator.Search.Missing(String reason) -> measured.with(new Proof.Unproved(reason));
      case Emulator.Search.Found(Emulator emulator) -> proved(measured, recipe, emulator);
    };
  }

  private Measured proved(Measured measured, Recipe recipe, Emulator emulator) throws IOException {
    int[] chosen = context.judge().spread(context.emulatedItemsMax());
    Samples items = context.evaluation().chosen(chosen);
    List<String> judged = context.forms().judged();
    try {
      Outputs outputs = emulated(emulator, recipe, judged, context.judge().floats(), items);
      Measured proved =
          measured.with(
              new Proof.Emulated(emulator.name(), context.judge().chosen(chosen).quality(outputs)));
      return fault(emulator, recipe)
          .map(fault -> proved.failing(fault + " under " + emulator.name()))
          .orElse(proved);
    } catch (EmulationException e) {
      return measured.with(new Proof.Unproved(Packaging.oneLine(e)));
    } catch (IllegalArgumentException e) {
      // The metric cannot be had of so few items.
      return measured.with(
          new Proof.Unproved(
              "%d items under %s are too few: %s"
                  .formatted(chosen.length, emulator.name(), Packaging.oneLine(e))));
    }
  }

  /** The items are others than those that judge: masks of as many would fill the disk. */
  private Optional<String> fault(Emulator emulator, Recipe recipe) throws IOException {
    Optional<Outputs> here = context.forms().form(recipe).unjudged();
    if (here.isEmpty() || context.unjudged().isEmpty()) {
      return Optional.empty();
    }
    int[] chosen = Samples.spread(here.get().items(), context.emulatedItemsMax());
    Samples items = context.forms().someOfEvaluation().chosen(chosen);
    Outputs there = emulated(emulator, recipe, context.forms().unjudged(), here.get(), items);
    return context.unjudged().get().chosen(chosen).fault(there);
  }

  /**
   * The recipe with one more part of its layers back in float at each step, the worst first: by
   * what is lost there, because kernels that lose nothing here may saturate there.
   */
  List<Recipe> mixed(Recipe recipe) throws IOException {
    if (!(search instanceof Emulator.Search.Found(Emulator emulator))
        || recipe.options().isEmpty()
        || context.tuning().isEmpty()) {
      return List.of();
    }
    return context
        .tuning()
        .get()
        .withMoreFloats(
            recipe,
            PARTS_MAX,
            Math.min(PART_ITEMS_MAX, context.emulatedItemsMax()),
            (tried, items) -> said(emulator, tried, items));
  }

  private Optional<Outputs> said(Emulator emulator, Recipe recipe, Samples items)
      throws IOException {
    Path file = context.forms().written(recipe);
    try {
      return Optional.of(
          emulated(
              emulator,
              recipe.candidate().engine(),
              file,
              context.forms().judged(),
              context.judge().floats(),
              items));
    } catch (EmulationException e) {
      // One that cannot run there is no help.
      return Optional.empty();
    } finally {
      Files.delete(file);
    }
  }

  private Outputs emulated(
      Emulator emulator, Recipe recipe, List<String> names, Outputs alike, Samples items)
      throws IOException {
    Path file = context.forms().form(recipe).file();
    return emulated(emulator, recipe.candidate().engine(), file, names, alike, items);
  }

  private Outputs emulated(
      Emulator emulator, Engine engine, Path file, List<String> names, Outputs alike, Samples items)
      throws IOException {
    List<Integer> sizes = alike.parts().stream().map(Outputs::perItem).toList();
    Path folder = context.forms().folder();
    return emulator
        .outputs(List.of(new Emulator.Model(engine, file, names, sizes)), items, folder)
        .getFirst();
  }
}
