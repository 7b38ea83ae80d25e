package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.calibrate.Clipping;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Judge;
import io.skerry.packager.measure.Outputs;
import io.skerry.packager.quantize.Options;
import io.skerry.packager.quantize.Scheme;
import io.skerry.profile.Candidate;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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
    Forms forms = new Forms(source, items, List.of("probabilities"), 1, folder);
    Outputs floats = forms.form(Recipe.ONNX_FLOAT).evaluation().orElseThrow();
    Judge judge = Judge.byFloatModel(floats, List.of(List.of((long) floats.perItem())), 0.5);
    Tuning tuning = new Tuning(graph, forms, items, floats);

    Recipe tuned = tuning.tuned(INT8);
    Recipe mixed =
        tuning
            .mixed(tuned, form -> judge.quality(form.evaluation().orElseThrow()).keeps(0.02))
            .orElseThrow();

    assertThat(loss(forms, judge, tuned)).isGreaterThan(0.02);
    assertThat(loss(forms, judge, mixed)).isLessThanOrEqualTo(0.02);
    Options options = mixed.options().orElseThrow();
    assertThat(options.floats()).isNotEmpty();
    assertThat(options.floats().size()).isLessThan(graph.nodes().size());
  }

  /** Several at a time are measured then. */
  @Test
  void putsLayersOfDeepGraphsBackToFloatToo() throws Exception {
    Graph graph = deepened(Nets.unequalImageNet(4), 200);
    Samples items = Nets.randomItems(graph, 64);
    Source source = new Source.Imported(graph, Engine.ONNXRUNTIME, 1e-4, Optional.of(items));
    Forms forms = new Forms(source, items, List.of("probabilities"), 1, folder);
    Outputs floats = forms.form(Recipe.ONNX_FLOAT).evaluation().orElseThrow();
    Judge judge = Judge.byFloatModel(floats, List.of(List.of((long) floats.perItem())), 0.5);
    Tuning tuning = new Tuning(graph, forms, items, floats);
    Recipe tuned = INT8.with(Options.of(Clipping.MIN_MAX));

    Recipe mixed =
        tuning
            .mixed(tuned, form -> judge.quality(form.evaluation().orElseThrow()).keeps(0.02))
            .orElseThrow();

    assertThat(loss(forms, judge, tuned)).isGreaterThan(0.02);
    assertThat(loss(forms, judge, mixed)).isLessThanOrEqualTo(0.02);
  }

  /** With so many sums before all else. */
  private static Graph deepened(Graph graph, int sums) {
    List<Node> nodes = new ArrayList<>();
    Map<String, Constant> constants = new HashMap<>(graph.constants());
    Map<String, Shape> shapes = new HashMap<>(graph.shapes());
    constants.put("little", Constant.of(Shape.of(1), 1e-4f));
    String last = graph.input();
    for (int i = 0; i < sums; i++) {
      String made = "deep" + i;
      nodes.add(
          new Node(
              made,
              new Op.Binary(Op.Binary.Kind.ADD),
              List.of(last, "little"),
              made,
              Activation.NONE));
      shapes.put(made, graph.shape(graph.input()));
      last = made;
    }
    for (Node node : graph.nodes()) {
      String end = last;
      nodes.add(
          new Node(
              node.name(),
              node.op(),
              node.inputs().stream().map(in -> in.equals(graph.input()) ? end : in).toList(),
              node.output(),
              node.activation()));
    }
    return new Graph(graph.name(), graph.input(), graph.outputs(), nodes, constants, shapes);
  }

  @Test
  void putsLayersTogetherThatFollowEachOther() {
    List<Set<String>> layers =
        List.of(Set.of("a"), Set.of("b"), Set.of("c"), Set.of("d"), Set.of("e"));

    assertThat(Tuning.together(layers, 5)).isEqualTo(layers);
    assertThat(Tuning.together(layers, 2)).containsExactly(Set.of("a", "b", "c"), Set.of("d", "e"));
    assertThat(Tuning.together(layers, 1)).containsExactly(Set.of("a", "b", "c", "d", "e"));
    assertThat(Tuning.together(List.of(), 3)).isEmpty();
  }

  @Test
  void ranksWhatCannotBeTriedAsWorst() {
    Map<Set<String>, Optional<Double>> off = new LinkedHashMap<>();
    off.put(Set.of("a"), Optional.of(0.0));
    off.put(Set.of("b"), Optional.of(7.0));
    off.put(Set.of("c"), Optional.empty());
    off.put(Set.of("d"), Optional.of(9.0));
    off.put(Set.of("e"), Optional.of(7.0));

    assertThat(Tuning.worstFirst(off))
        .containsExactly(Set.of("c"), Set.of("d"), Set.of("b"), Set.of("e"), Set.of("a"));
  }

  @Test
  void choosesTheSameOptionsEveryTime() throws Exception {
    Graph graph = Nets.imageNet(2);
    Samples items = Nets.randomItems(graph, 48);
    Source source = new Source.Imported(graph, Engine.ONNXRUNTIME, 1e-4, Optional.of(items));
    Forms forms = new Forms(source, items, List.of("probabilities"), 1, folder);
    Outputs floats = forms.form(Recipe.ONNX_FLOAT).evaluation().orElseThrow();

    Recipe first = new Tuning(graph, forms, items, floats).tuned(INT8);
    Recipe again = new Tuning(graph, forms, items, floats).tuned(INT8);

    assertThat(again).isEqualTo(first);
    assertThat(source.follow(again)).isEqualTo(source.follow(first));
  }

  private static double loss(Forms forms, Judge judge, Recipe recipe) throws Exception {
    return judge.quality(forms.form(recipe).evaluation().orElseThrow()).loss();
  }
}
