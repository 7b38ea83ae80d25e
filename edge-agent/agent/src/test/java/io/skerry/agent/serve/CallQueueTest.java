package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CallQueueTest {
  private final Queue<Runnable> executor = new ArrayDeque<>();
  private final Queue<Runnable> joining = new ArrayDeque<>();
  private final CallQueue queue =
      new CallQueue(new QueueConfig(1, 3, 100), executor::add, joining::add);
  private final CallQueue shared =
      new CallQueue(new QueueConfig(1, 30, 1_000), executor::add, joining::add);
  private final List<String> events = new ArrayList<>();

  @AfterEach
  void close() {
    queue.close();
    shared.close();
  }

  @Test
  void runsAtOnceWhileThereIsAPlace() {
    assertThat(queue.submit(new Note("a"), 5, 0, true)).isNull();
    assertThat(queue.submit(new Note("b"), 5, 0, true)).isNull();

    assertThat(events).containsExactly("ran a", "ran b");
  }

  @Test
  void runsTheLowestPriorityNumberFirstThenTheOneThatCameFirst() {
    busyWith(
        () -> {
          queue.submit(new Note("late"), 5, 0, true);
          queue.submit(new Note("later"), 5, 0, true);
          queue.submit(new Note("urgent"), 1, 0, true);
        });

    assertThat(events).containsExactly("ran urgent", "ran late", "ran later");
    assertThat(queue.waiting()).isZero();
  }

  @Test
  void refusesBeyondItsBounds() {
    busyWith(
        () -> {
          queue.submit(new Note("big", 101), 5, 0, true);
          queue.submit(new Note("a", 60), 5, 0, true);
          queue.submit(new Note("b", 60), 5, 0, true);
          queue.submit(new Note("c"), 5, 0, true);
          queue.submit(new Note("d"), 5, 0, true);
          queue.submit(new Note("e"), 5, 0, true);
        });

    assertThat(events)
        .containsExactly(
            "refused big: UNAVAILABLE Exceeds maximum queue size: 0 calls of 0 bytes wait",
            "refused b: UNAVAILABLE Exceeds maximum queue size: 1 calls of 60 bytes wait",
            "refused e: UNAVAILABLE Exceeds maximum queue size: 3 calls of 62 bytes wait",
            "ran a",
            "ran c",
            "ran d");
  }

  @Test
  void whoLeavesIsRefusedOnceAndMakesRoom() {
    busyWith(
        () -> {
          CallQueue.Waiting a = placed("a", 100);
          a.leave(() -> new PredictException(Code.CANCELLED, "gone"));
          a.leave(() -> new PredictException(Code.CANCELLED, "gone"));
          placed("b", 100);
        });

    assertThat(events).containsExactly("refused a: CANCELLED gone", "ran b");
  }

  @Test
  void leavingAfterTheBeginHasNoEffectAndAsksForNoReason() {
    List<CallQueue.Waiting> places = new ArrayList<>();
    busyWith(() -> places.add(placed("a", 1)));

    places
        .getFirst()
        .leave(
            () -> {
              throw new AssertionError("asked for a reason");
            });

    assertThat(events).containsExactly("ran a");
  }

  @Test
  void whoseTimeIsUpLeavesWhileTheOthersStillRun() throws Exception {
    CountDownLatch refused = new CountDownLatch(1);
    CountDownLatch waited = new CountDownLatch(1);
    Thread busy =
        Thread.ofPlatform()
            .start(
                () ->
                    queue.submit(
                        new Note("busy") {
                          @Override
                          public void run() {
                            waited.countDown();
                            await(refused);
                          }
                        },
                        5,
                        0,
                        true));
    await(waited);
    queue.submit(
        new Note("impatient") {
          @Override
          public void refuse(PredictException why) {
            super.refuse(why);
            refused.countDown();
          }
        },
        5,
        Duration.ofMillis(5).toNanos(),
        true);

    busy.join();
    assertThat(events).containsExactly("refused impatient: UNAVAILABLE Request timeout expired");
    assertThat(queue.waiting()).isZero();
  }

  @Test
  void leavesLongWorkToTheExecutor() {
    queue.submit(new Note("long"), 5, 0, false);
    assertThat(events).isEmpty();

    executor.remove().run();

    assertThat(events).containsExactly("ran long");
  }

  @Test
  void whatWouldHaveToWaitKeepsItsPlaceAndRunsElsewhere() {
    queue.submit(
        new Note("busy engine's") {
          @Override
          public boolean runHere() {
            return false;
          }
        },
        5,
        0,
        true);
    queue.submit(new Note("next"), 5, 0, true);
    assertThat(events).isEmpty();
    assertThat(queue.waiting()).isEqualTo(1);

    executor.remove().run();
    executor.remove().run();

    assertThat(events).containsExactly("ran busy engine's", "ran next");
    queue.submit(new Note("last"), 5, 0, true);
    assertThat(events).endsWith("ran last");
  }

  @Test
  void keepsNoThreadThatBringsCallsBusyBesideALongOne() {
    try (CallQueue wide = new CallQueue(new QueueConfig(2, 3, 100), executor::add, joining::add)) {
      wide.submit(new Note("long"), 5, 0, false);
      wide.submit(new Note("short"), 5, 0, true);
      wide.submit(new Note("long that waits"), 5, 0, false);
      assertThat(events).isEmpty();

      executor.remove().run();
      executor.remove().run();
      assertThat(events).containsExactly("ran long", "ran short");
      wide.submit(new Note("short beside it"), 5, 0, true);
      assertThat(events).hasSize(2);

      executor.remove().run();
      executor.remove().run();
      wide.submit(new Note("alone"), 5, 0, true);
      assertThat(events).endsWith("ran long that waits", "ran short beside it", "ran alone");
    }
  }

  @Test
  void shortCallsGoOneAtATimeBesideLongOnesThatHaveEveryPlace() {
    queue.submit(new Note("slow"), 5, 0, false);
    queue.submit(new Note("slow too"), 5, 0, false);
    queue.submit(new Note("quick"), 5, 0, true);
    queue.submit(new Note("quick too"), 5, 0, true);
    Runnable slow = executor.remove();
    assertThat(queue.waiting()).isEqualTo(2);

    executor.remove().run();
    assertThat(events).containsExactly("ran quick");
    executor.remove().run();
    assertThat(events).containsExactly("ran quick", "ran quick too");
    assertThat(executor).isEmpty();

    slow.run();
    executor.remove().run();
    assertThat(events).endsWith("ran slow", "ran slow too");
    assertThat(executor).isEmpty();
  }

  @Test
  void callsThatJoinOthersTakeNoPlaceAndAreBounded() {
    queue.submit(new Note("slow"), 5, 0, false);
    for (int i = 1; i <= CallQueue.JOINED_MAX; i++) {
      assertThat(queue.submit(new Joined("joined"), 5, 0, true)).isNull();
    }
    queue.submit(new Note("waits"), 5, 0, false);
    queue.submit(new Joined("late"), 5, 0, true);
    queue.submit(new Joined("later"), 5, 0, true);
    assertThat(joining).hasSize(CallQueue.JOINED_MAX);
    assertThat(queue.waiting()).isEqualTo(3);
    assertThat(events).isEmpty();

    executor.remove().run();
    executor.remove().run();
    assertThat(events).containsExactly("ran slow", "ran waits");
    assertThat(joining).hasSize(CallQueue.JOINED_MAX);
    assertThat(executor).isEmpty();

    for (Runnable next = joining.poll(); next != null; next = joining.poll()) {
      next.run();
    }
    assertThat(events).hasSize(4 + CallQueue.JOINED_MAX).endsWith("ran late", "ran later");
    queue.submit(new Note("here"), 5, 0, true);
    assertThat(events).endsWith("ran here");
  }

  @Test
  void theEndOfACallThatJoinedOthersFreesNoPlace() {
    queue.submit(new Note("slow"), 5, 0, false);
    queue.submit(new Joined("joined"), 5, 0, true);

    joining.remove().run();

    assertThat(events).containsExactly("ran joined");
    assertThat(queue.submit(new Note("waits"), 5, 0, false)).isNotNull();
  }

  @Test
  void runsShortCallsAtOnceBesideShortOnes() {
    try (CallQueue wide = new CallQueue(new QueueConfig(2, 3, 100), executor::add, joining::add)) {
      wide.submit(
          new Note("outer") {
            @Override
            public void run() {
              wide.submit(new Note("inner"), 5, 0, true);
              super.run();
            }
          },
          5,
          0,
          true);

      assertThat(events).containsExactly("ran inner", "ran outer");
    }
  }

  @Test
  void applicationsTakeTurns() {
    busyWith(
        shared,
        () -> {
          submit(5, "a1", "a2", "a3", "a4", "b1", "b2");
          submit(1, "c urgent");
        });

    assertThat(events)
        .containsExactly(
            "ran c urgent", "ran a1", "ran b1", "ran a2", "ran b2", "ran a3", "ran a4");
  }

  @Test
  void whoCallsAgainWhileItsLastCallRunsTakesTurnsWithWhoWaits() {
    busyWith(
        shared,
        () -> {
          submit(5, "a1", "a2", "a3");
          shared.submit(new Loop(1, 5), 5, 0, true);
        });

    assertThat(events)
        .containsExactly(
            "ran a1", "ran b1", "ran a2", "ran b2", "ran a3", "ran b3", "ran b4", "ran b5");
  }

  @Test
  void turnsOfOnePriorityNumberSayNothingAboutAnother() {
    busyWith(
        shared,
        () -> {
          submit(5, "a1", "a2", "a3");
          submit(1, "c1", "c2", "c3");
          shared.submit(
              new Note("c4", 1, "c") {
                @Override
                public void run() {
                  super.run();
                  submit(5, "b1", "c5");
                }
              },
              1,
              0,
              true);
        });

    assertThat(events)
        .containsExactly(
            "ran c1", "ran c2", "ran c3", "ran c4", "ran a1", "ran b1", "ran c5", "ran a2",
            "ran a3");
  }

  @Test
  void whoHadManyWaitingOwesNothingLater() {
    busyWith(shared, () -> submit(5, "a1", "a2", "a3", "a4"));
    events.clear();
    busyWith(shared, () -> submit(5, "a5", "b1", "b2"));

    assertThat(events).containsExactly("ran a5", "ran b1", "ran b2");
  }

  @Test
  void whoseCallsLeftOwesNothingForThem() {
    busyWith(
        shared,
        () -> {
          List<CallQueue.Waiting> places = submit(5, "a1", "a2", "a3", "a4");
          submit(5, "b1", "b2", "b3");
          for (CallQueue.Waiting place : places.subList(0, 3)) {
            place.leave(() -> new PredictException(Code.CANCELLED, "gone"));
          }
          events.clear();
        });

    assertThat(events).containsExactly("ran a4", "ran b1", "ran b2", "ran b3");
  }

  @Test
  void noApplicationFillsTheQueueForAll() {
    QueueConfig bounds = new QueueConfig(1, 4, 100).dividedBy(2);
    try (CallQueue divided = new CallQueue(bounds, executor::add, joining::add)) {
      busyWith(
          divided,
          () -> {
            divided.submit(new Note("a1", 40, "a"), 5, 0, true);
            divided.submit(new Note("a2", 11, "a"), 5, 0, true);
            divided.submit(new Note("a3", 1, "a"), 5, 0, true);
            divided.submit(new Note("a4", 1, "a"), 5, 0, true);
            divided.submit(new Note("b1", 55, "b"), 5, 0, true);
            assertThat(divided.waiting("a")).isEqualTo(2);
            assertThat(divided.waiting("b")).isEqualTo(1);
          });

      assertThat(divided.waiting("a")).isZero();
      assertThat(events)
          .containsExactly(
              "refused a2: UNAVAILABLE Exceeds maximum queue size of one application: 1 calls of 40"
                  + " bytes of 'a' wait",
              "refused a4: UNAVAILABLE Exceeds maximum queue size of one application: 2 calls of 41"
                  + " bytes of 'a' wait",
              "ran a1",
              "ran b1",
              "ran a3");
    }
  }

  private CallQueue.Waiting placed(String name, long bytes) {
    return placed(queue, new Note(name, bytes), 5);
  }

  private static CallQueue.Waiting placed(CallQueue busy, Note call, int priority) {
    CallQueue.@Nullable Waiting place = busy.submit(call, priority, 0, true);
    if (place == null) {
      throw new AssertionError(call.name + " did not wait");
    }
    return place;
  }

  /** Calls of the applications that their names begin with. */
  private List<CallQueue.Waiting> submit(int priority, String... names) {
    return Stream.of(names)
        .map(name -> placed(shared, new Note(name, 1, name.substring(0, 1)), priority))
        .toList();
  }

  /** Takes the only place, does the given things, frees it, and lets everything run. */
  private void busyWith(Runnable meanwhile) {
    busyWith(queue, meanwhile);
  }

  private void busyWith(CallQueue busy, Runnable meanwhile) {
    busy.submit(
        new Note("busy") {
          @Override
          public void run() {
            meanwhile.run();
          }
        },
        5,
        0,
        true);
    for (Runnable next = executor.poll(); next != null; next = executor.poll()) {
      next.run();
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      if (!latch.await(10, TimeUnit.SECONDS)) {
        throw new TimeoutException();
      }
    } catch (InterruptedException | TimeoutException e) {
      throw new AssertionError(e);
    }
  }

  private final class Joined extends Note {
    Joined(String name) {
      super(name);
    }

    @Override
    public boolean joins() {
      return true;
    }
  }

  /** An application with one call at a time, the next of which comes while the last one runs. */
  private final class Loop extends Note {
    private final int number;
    private final int last;

    Loop(int number, int last) {
      super("b" + number, 1, "b");
      this.number = number;
      this.last = last;
    }

    @Override
    public void run() {
      super.run();
      if (number < last) {
        shared.submit(new Loop(number + 1, last), 5, 0, true);
      }
    }
  }

  @Test
  void keepsNoPlaceOfWhatNoThreadTakes() {
    AtomicBoolean starved = new AtomicBoolean(true);
    Executor threads =
        work -> {
          if (starved.get()) {
            throw new OutOfMemoryError("unable to create native thread");
          }
          executor.add(work);
        };
    try (CallQueue onlyOne = new CallQueue(new QueueConfig(1, 3, 100), threads, threads)) {
      onlyOne.submit(new Note("a"), 5, 0, false);
      starved.set(false);
      onlyOne.submit(new Note("b"), 5, 0, false);
      onlyOne.submit(new Note("c"), 5, 0, false);
      onlyOne.submit(new Note("d"), 5, 0, false);
      starved.set(true);
      executor.remove().run();
      starved.set(false);
      onlyOne.submit(new Note("e"), 5, 0, false);
      executor.remove().run();
    }

    assertThat(events)
        .containsExactly(
            "refused a: RESOURCE_EXHAUSTED there is no thread for this request now",
            "ran b",
            "refused c: RESOURCE_EXHAUSTED there is no thread for this request now",
            "refused d: RESOURCE_EXHAUSTED there is no thread for this request now",
            "ran e");
  }

  private class Note implements CallQueue.Work {
    private final String name;
    private final long bytes;
    private final String application;

    Note(String name) {
      this(name, 1);
    }

    Note(String name, long bytes) {
      this(name, bytes, "");
    }

    Note(String name, long bytes, String application) {
      this.name = name;
      this.bytes = bytes;
      this.application = application;
    }

    @Override
    public String application() {
      return application;
    }

    @Override
    public long bytes() {
      return bytes;
    }

    @Override
    public void run() {
      events.add("ran " + name);
    }

    @Override
    public boolean joins() {
      return false;
    }

    @Override
    public boolean runHere() {
      run();
      return true;
    }

    @Override
    public void refuse(PredictException why) {
      events.add("refused %s: %s %s".formatted(name, why.code(), why.getMessage()));
    }
  }
}
