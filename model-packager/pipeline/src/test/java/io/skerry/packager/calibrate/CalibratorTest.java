package io.skerry.packager.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Nets;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
