package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.measure.Judge;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.Scheme;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TuningTest {
  private static final Recipe INT8 =
      new Recipe(
          new Candidate(Engine.ONNXRUNTIME, Precision.INT8),
          Optional.of(Scheme.UNSIGNED),
          Optional.empty());

  @TempDir private Path folder;

  @Test
  void putsTheWorstLayersBackToFloatUntilTheMetricHolds() throws Exception {
    Graph graph = Nets.unequalImageNet(4);
    Samples items = Nets.randomItems(graph, 96);
    Source source = new Source.Imported(graph, Engine.ONNXRUNTIME, 1e-4, Optional.of(items));
    try (Forms forms = new Forms(source, items, List.of("probabilities"), folder)) {
      Outputs floats = forms.form(Recipe.ONNX_FLOAT).evaluation().orElseThrow();
      Judge judge = Judge.byFloatModel(floats, List.of((long) floats.perItem()), 0.5);
      Tuning tuning = new Tuning(graph, forms, items, floats);

      Recipe tuned = tuning.tuned(INT8);
      Recipe mixed = tuning.mixed(tuned, judge, 0.02).orElseThrow();

      assertThat(loss(forms, judge, tuned)).isGreaterThan(0.02);
      assertThat(loss(forms, judge, mixed)).isLessThanOrEqualTo(0.02);
      Options options = mixed.options().orElseThrow();
      assertThat(options.floats()).isNotEmpty();
      assertThat(options.floats().size()).isLessThan(graph.nodes().size());
    }
  }

  @Test
  void choosesTheSameOptionsEveryTime() throws Exception {
    Graph graph = Nets.imageNet(2);
    Samples items = Nets.randomItems(graph, 48);
    Source source = new Source.Imported(graph, Engine.ONNXRUNTIME, 1e-4, Optional.of(items));
    try (Forms forms = new Forms(source, items, List.of("probabilities"), folder)) {
      Outputs floats = forms.form(Recipe.ONNX_FLOAT).evaluation().orElseThrow();

      Recipe first = new Tuning(graph, forms, items, floats).tuned(INT8);
      Recipe again = new Tuning(graph, forms, items, floats).tuned(INT8);

      assertThat(again).isEqualTo(first);
      assertThat(source.follow(again)).isEqualTo(source.follow(first));
    }
  }

  private static double loss(Forms forms, Judge judge, Recipe recipe) throws Exception {
    return judge.quality(forms.form(recipe).evaluation().orElseThrow()).loss();
  }
}
