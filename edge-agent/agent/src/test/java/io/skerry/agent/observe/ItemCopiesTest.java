package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.signal.Signal;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;

class ItemCopiesTest {
  private static final int ITEM = 1 << 20;

  private final Semaphore free = new Semaphore(ItemCopies.BYTES_MAX);

  @Test
  void letsSoManyItemsWaitAndNoMore() throws MalformedDocumentException {
    ItemCopies copies = new ItemCopies(plan(), free);
    List<ByteBuffer> taken = new ArrayList<>();
    for (ByteBuffer copy = copies.take(); copy != null; copy = copies.take()) {
      taken.add(copy);
    }

    assertThat(taken).hasSize(ItemCopies.BYTES_MAX / ITEM);
    copies.giveBack(taken.getFirst());
    assertThat(copies.take()).as("used again").isSameAs(taken.getFirst());
    taken.forEach(copies::giveBack);
    copies.clear();
    assertThat(free.availablePermits()).isEqualTo(ItemCopies.BYTES_MAX);
  }

  /** An item of a version that was forgotten meanwhile takes no room from others for ever. */
  @Test
  void keepsNothingOnceItsVersionIsForgotten() throws MalformedDocumentException {
    ItemCopies copies = new ItemCopies(plan(), free);
    ByteBuffer waits = copies.take();

    copies.close();
    assertThat(waits).isNotNull();
    if (waits != null) {
      copies.giveBack(waits);
    }

    assertThat(free.availablePermits()).isEqualTo(ItemCopies.BYTES_MAX);
  }

  /** A burst of two took all of it, and they kept it. */
  @Test
  void givesEachVersionItsPartWhereOneFindsNoRoom() throws MalformedDocumentException {
    ItemCopies first = new ItemCopies(plan(), free);
    ItemCopies second = new ItemCopies(plan(), free);
    ItemCopies third = new ItemCopies(plan(), free);
    List<ItemCopies> all = List.of(first, second, third);
    assertThat(burst(first, 4)).isEqualTo(4);
    assertThat(burst(second, 8)).isEqualTo(8);
    ItemCopies.share(all);
    assertThat(free.availablePermits()).as("nobody was refused").isZero();

    assertThat(burst(third, 8)).isZero();
    ItemCopies.share(all);
    assertThat(burst(third, 8)).as("a third of all").isEqualTo(4);
    assertThat(burst(second, 8)).isEqualTo(4);

    ItemCopies.share(all);
    assertThat(burst(third, 6)).as("the first asked for none meanwhile").isEqualTo(6);
    assertThat(burst(second, 6)).isEqualTo(6);
  }

  private static int burst(ItemCopies copies, int items) {
    List<ByteBuffer> taken = new ArrayList<>();
    for (int i = 0; i < items; i++) {
      ByteBuffer copy = copies.take();
      if (copy != null) {
        taken.add(copy);
      }
    }
    taken.forEach(copies::giveBack);
    return taken.size();
  }

  private static MonitoringPlan plan() throws MalformedDocumentException {
    Signal sound = new Signal.Waveform(ITEM / Float.BYTES, 1, false, 1);
    int scalars = sound.scalars().size();
    return MonitoringPlan.of(
        MonitoringManifests.ofSignal(
            MonitoringManifests.fromReference(
                "x",
                sound.scalars().stream().map(Feature::of).toList(),
                new float[][] {new float[scalars], new float[scalars]},
                "y",
                new float[] {0, 1},
                .5),
            sound));
  }
}
