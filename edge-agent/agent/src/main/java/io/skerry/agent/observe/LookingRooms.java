package io.skerry.agent.observe;

import io.skerry.telemetry.sketch.MonitoringPlan;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Room in which any thread looks at an item. What one gives back the next one takes: once there are
 * as many as ever look at a time, looking allocates nothing.
 */
final class LookingRooms {
  /** Rooms that are kept: more threads at a time are not met. */
  static final int KEPT_MAX = 32;

  private final MonitoringPlan plan;
  private final AtomicReferenceArray<@Nullable Room> kept = new AtomicReferenceArray<>(KEPT_MAX);

  LookingRooms(MonitoringPlan plan) {
    this.plan = plan;
  }

  /** What it takes to look at one item. */
  static final class Room {
    private static final float[] NOTHING = {};

    final MonitoringPlan.Scratch scratch;
    private float[] view = NOTHING;

    Room(MonitoringPlan.Scratch scratch) {
      this.scratch = scratch;
    }

    /** Room for so many monitored values. */
    float[] view(int features) {
      if (view.length < features) {
        view = new float[features];
      }
      return view;
    }
  }

  Room take() {
    for (int place = 0; place < KEPT_MAX; place++) {
      Room room = kept.get(place) == null ? null : kept.getAndSet(place, null);
      if (room != null) {
        return room;
      }
    }
    return new Room(plan.scratch());
  }

  void giveBack(Room room) {
    for (int place = 0; place < KEPT_MAX; place++) {
      if (kept.get(place) == null && kept.compareAndSet(place, null, room)) {
        return;
      }
    }
  }

  /** Lets go of those that nobody looks in. */
  void clear() {
    for (int place = 0; place < KEPT_MAX; place++) {
      if (kept.get(place) != null) {
        kept.set(place, null);
      }
    }
  }
}
