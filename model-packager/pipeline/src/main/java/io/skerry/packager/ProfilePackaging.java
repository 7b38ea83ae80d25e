package io.skerry.packager;

import io.skerry.artifact.OciLayout;
import io.skerry.artifact.job.JobFailure;
import io.skerry.packager.measure.Choice;
import io.skerry.packager.measure.Judge;
import io.skerry.packager.measure.Measured;
import io.skerry.packager.sign.Baseline;
import io.skerry.packager.sign.VariantWriter;
import io.skerry.profile.HardwareProfile;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ProfileId;
import io.skerry.runtime.EngineException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Chooses and writes one profile's variant. */
final class ProfilePackaging {
  private final HardwareProfile profile;
  private final boolean here;
  private final Source source;
  private final Forms forms;
  private final Baseline baseline;
  private final VariantWriter writer;

  ProfilePackaging(
      HardwareProfile profile,
      boolean here,
      Source source,
      Forms forms,
      Baseline baseline,
      VariantWriter writer) {
    this.profile = profile;
    this.here = here;
    this.source = source;
    this.forms = forms;
    this.baseline = baseline;
    this.writer = writer;
  }

  List<Variant> run(Judge judge, double floatMetric, double maxDrop, Path output)
      throws IOException, EngineException {
    List<Recipe> recipes = source.recipes(profile);
    if (recipes.isEmpty()) {
      throw new JobFailure(
          ErrorCode.PACKAGING_FAILED,
          "profile '%s' runs no model of this kind: import it as ONNX".formatted(profile.id()));
    }
    List<Measured> candidates = new ArrayList<>();
    for (Recipe recipe : recipes) {
      candidates.add(measured(recipe, judge));
    }
    List<Choice.Verdict> verdicts =
        Choice.among(candidates, floatMetric, maxDrop, profile.memoryBudgetBytes());
    List<Variant> variants =
        verdicts.stream().map(verdict -> variant(verdict, judge, Optional.empty())).toList();
    int winner = 0;
    while (winner < verdicts.size() && !verdicts.get(winner).winner()) {
      winner++;
    }
    if (winner == verdicts.size()) {
      throw new JobFailure(
          ErrorCode.PACKAGING_FAILED,
          "no variant for profile '%s' is good enough: %s: allow a larger drop"
              .formatted(
                  profile.id(),
                  verdicts.stream()
                      .map(v -> v.measured().candidate() + " " + v.reason())
                      .collect(Collectors.joining("; "))));
    }
    byte[] measurements =
        new PackagingReport(judge.metric(), floatMetric, variants)
            .json()
            .getBytes(StandardCharsets.UTF_8);
    Recipe recipe = recipes.get(winner);
    Forms.Form form = forms.form(recipe);
    OciLayout layout =
        writer.write(
            output.resolve(profile.id()),
            new ProfileId(profile.id()),
            recipe.candidate(),
            form.content(),
            form.loaded(),
            forms.outputs(recipe, baseline.reference()),
            measurements);
    List<Variant> written = new ArrayList<>(variants);
    written.set(winner, variant(verdicts.get(winner), judge, Optional.of(layout)));
    return written;
  }

  private Variant variant(Choice.Verdict verdict, Judge judge, Optional<OciLayout> layout) {
    boolean timed = here && verdict.measured().p50Micros().isPresent();
    Choice.Verdict told =
        verdict
            .measured()
            .metric()
            .flatMap(judge::remark)
            .map(
                remark ->
                    new Choice.Verdict(
                        verdict.measured(), verdict.winner(), verdict.reason() + "; " + remark))
            .orElse(verdict);
    return new Variant(profile.id(), told, timed, layout);
  }

  private Measured measured(Recipe recipe, Judge judge) throws IOException {
    Forms.Form form = forms.form(recipe);
    return new Measured(
        recipe.candidate(),
        form.bytes(),
        form.evaluation().map(judge::value),
        here ? forms.p50Micros(recipe) : Optional.empty(),
        form.failure());
  }
}
