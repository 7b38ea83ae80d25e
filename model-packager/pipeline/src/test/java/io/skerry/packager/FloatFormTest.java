package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.measure.Bench;
import io.skerry.profile.Engine;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FloatFormTest {
  @TempDir private Path folder;

  @Test
  void isTheModelInEveryOutput() throws Exception {
    assertThatCode(() -> check(twoHeads(1), twoHeads(1))).doesNotThrowAnyException();
  }

  /** A fault of an import may show in an output alone by which nobody judges. */
  @Test
  void isRefusedWhereAnOutputThatNobodyJudgesByDiffers() {
    assertThatThrownBy(() -> check(twoHeads(1), twoHeads(2)))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContainingAll("model.onnx", "output 'second' differs", "report this model");
  }

  /** What is next to nothing is no reason to be anything. */
  @Test
  void isRefusedWhereASmallOutputDiffers() {
    assertThatThrownBy(() -> check(small(1e-5f), small(2e-5f)))
        .isInstanceOf(ModelRefusedException.class)
        .hasMessageContaining("output 'second' differs");
    assertThatCode(() -> check(small(1e-5f), small(1.00001e-5f))).doesNotThrowAnyException();
  }

  /** Masks of all items, of every form, are more than a disk holds. */
  @Test
  void isComparedOnSomeItemsWhereNobodyJudges() throws Exception {
    Graph graph = twoHeads(1);
    Samples items = Nets.randomItems(graph, 200);
    Source source = imported(graph);
    Forms forms = new Forms(source, items, List.of("first", "second"), 1, folder);

    Forms.Form form = forms.form(source.reference());

    assertThat(form.evaluation().orElseThrow().items()).isEqualTo(200);
    assertThat(form.evaluation().orElseThrow().parts()).hasSize(1);
    assertThat(form.unjudged().orElseThrow().items()).isEqualTo(Forms.UNJUDGED_ITEMS_MAX);
    assertThat(forms.trial(source.reference(), items).parts()).hasSize(1);
    assertThat(forms.outputs(source.reference(), items).parts()).hasSize(1);
  }

  private static Source imported(Graph graph) {
    return new Source.Imported(graph, Engine.ONNXRUNTIME, Source.FLOAT_TOLERANCE, Optional.empty());
  }

  private static Graph small(float factor) {
    Graph first = new Nets(1, "x", Shape.BATCH, 6).dense(3, Activation.NONE).graph("first");
    Nets second = new Nets(2, "x", Shape.BATCH, 6);
    second.binary(Op.Binary.Kind.MUL, Constant.of(Shape.of(1), factor));
    return Nets.beside(first, second.graph("second"));
  }

  private void check(Graph came, Graph imported) throws Exception {
    Path file = Files.write(folder.resolve("model.onnx"), OnnxExport.write(came));
    Samples items = Nets.randomItems(came, 16);
    Source source = imported(imported);
    Forms forms = new Forms(source, items, List.of("first", "second"), 1, folder);
    try (LoadedModel original = new Bench().load(Engine.ONNXRUNTIME, file)) {
      FloatForm.check(file, original, source, forms, items);
    }
  }

  /** The first head is the same whatever the second one's weights are. */
  private static Graph twoHeads(long seed) {
    Graph first = new Nets(1, "x", Shape.BATCH, 6).dense(3, Activation.NONE).graph("first");
    Graph second = new Nets(seed, "x", Shape.BATCH, 6).dense(2, Activation.NONE).graph("second");
    return Nets.beside(first, second);
  }
}
