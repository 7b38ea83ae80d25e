package io.skerry.packager.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.packager.data.DataRefusedException;
import io.skerry.packager.data.Samples;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.GraphBuilder;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CalibratorTest {
  private static final int FEW = 64;

  @Test
  void holdsNoMoreOfManyItemsThanOfFew() throws Exception {
    for (Graph graph : List.of(Nets.imageNet(1), Nets.sensorNet(2))) {
      Observations few = Calibrator.observe(graph, Nets.randomItems(graph, FEW));
      Observations many = Calibrator.observe(graph, Nets.randomItems(graph, 20 * FEW));

      assertThat(many.histogram(graph.input()).total())
          .isEqualTo(20 * few.histogram(graph.input()).total());
      assertThat(numbers(many)).isPositive().isEqualTo(numbers(few));
    }
  }

  /** A quotient of two zeros, by which nobody judges and with which nothing goes on. */
  @Test
  void countsNumbersWithoutEndOfAnOutputThatNobodyJudgesByAsNothing() {
    GraphBuilder builder = new GraphBuilder("quotients", "x", Shape.of(Shape.BATCH, 4));
    builder.node("r", new Op.Activate(Activation.RELU), Activation.NONE, "r", List.of("x"));
    builder.node("q", new Op.Binary(Op.Binary.Kind.DIV), Activation.NONE, "q", List.of("x", "r"));
    Graph last = builder.build(List.of("r", "q"));
    builder.node("s", new Op.Sigmoid(), Activation.NONE, "s", List.of("q"));
    Graph goesOn = builder.build(List.of("s", "q"));
    Samples items = Nets.randomItems(last, FEW);

    Observations seen = Calibrator.observe(last, items, Set.of("q"));

    assertThat(seen.histogram("q").full()).isEqualTo(new Range(0, 1));
    assertThat(Arrays.stream(seen.channelMeans("q"))).allMatch(Double::isFinite);
    assertThatThrownBy(() -> Calibrator.observe(last, items))
        .isInstanceOf(DataRefusedException.class)
        .hasMessageContaining("tensor 'q' is not finite on this data");
    assertThatThrownBy(() -> Calibrator.observe(goesOn, items, Set.of("q")))
        .isInstanceOf(DataRefusedException.class)
        .hasMessageContaining("tensor 'q' is not finite on this data");
  }

  /** The numbers that are kept in arrays and collections below an object. */
  private static long numbers(Object root) throws IllegalAccessException {
    long numbers = 0;
    List<Object> open = new ArrayList<>(List.of(root));
    while (!open.isEmpty()) {
      switch (open.removeLast()) {
        case Map<?, ?> map -> open.addAll(map.values());
        case Collection<?> collection -> open.addAll(collection);
        case Optional<?> optional -> optional.ifPresent(open::add);
        case Number number -> numbers++;
        case Object[] objects -> open.addAll(List.of(objects));
        case Object array when array.getClass().isArray() -> numbers += Array.getLength(array);
        case Object ours when ours.getClass().getName().startsWith("io.skerry.") -> {
          for (Field field : ours.getClass().getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers()) && !ours.getClass().isEnum()) {
              field.setAccessible(true);
              Object value = field.get(ours);
              if (value != null && !field.getType().isPrimitive()) {
                open.add(value);
              }
            }
          }
        }
        default -> {}
      }
    }
    return numbers;
  }
}
