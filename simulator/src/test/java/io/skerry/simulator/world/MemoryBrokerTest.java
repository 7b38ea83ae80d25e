package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MemoryBrokerTest {
  private final World world = new World(1, new Trace(0));
  private final MemoryBroker broker = new MemoryBroker(world);
  private int clients;

  @ParameterizedTest
  @CsvSource({
    "a/b, a/b, true",
    "a/b, a/c, false",
    "a/b, a/bc, false",
    "a/+/c, a/b/c, true",
    "a/+/c, a//c, true",
    "a/+/c, a/b/d, false",
    "a/+, a/b/c, false",
    "a/+/c, a/b, false",
    "a/+, a, false",
    "+/b, a/b, true",
    "+, a, true",
    "+x/b, ax/b, false",
    "a/+/, a/b/, true",
    "a/+/, a/b, false",
  })
  void matchesByLevels(String filter, String topic, boolean matches) {
    assertThat(MemoryBroker.matches(filter, topic)).isEqualTo(matches);
  }

  @Test
  void givesWhatIsRetainedToWhomeverSubscribesAlsoAfterTopicsCameAndWent() {
    publish("a/x/c");
    publish("a/y/c");
    publish("a/y/d");
    assertThat(subscribed("a/+/c")).containsExactly("a/x/c", "a/y/c");

    publish("a/w/c");
    broker.publish("a/x/c", new byte[0], true);

    assertThat(subscribed("a/+/c")).containsExactly("a/w/c", "a/y/c");
    broker.kill();
    broker.start();
    assertThat(subscribed("a/+/c")).isEmpty();
  }

  @Test
  void topicsOvertakeEachOtherAndTheMessagesOfOneDoNot() {
    List<Integer> sent = IntStream.range(0, 40).boxed().toList();
    List<Integer> received = new ArrayList<>();
    listen("a/+", message -> received.add((int) message.payload()[0]));
    broker.overtake(Optional.of(new SplittableRandom(1)));

    sent.forEach(
        number -> broker.publish("a/" + number % 4, new byte[] {number.byteValue()}, false));
    world.runUntil(world.now() + 10 * World.MINUTE);

    assertThat(received).isNotEqualTo(sent).containsExactlyInAnyOrderElementsOf(sent);
    for (int topic = 0; topic < 4; topic++) {
      int of = topic;
      assertThat(received.stream().filter(number -> number % 4 == of)).isSorted();
    }
  }

  @Test
  void nothingIsOvertakenThatWasOnItsWayWhenThatIsOver() {
    List<Integer> received = new ArrayList<>();
    listen("a/+", message -> received.add((int) message.payload()[0]));
    broker.overtake(Optional.of(new SplittableRandom(1)));
    broker.publish("a/one", new byte[] {1}, false);
    broker.overtake(Optional.empty());

    broker.publish("a/one", new byte[] {2}, false);
    broker.publish("a/two", new byte[] {3}, false);
    world.runUntil(world.now() + 10 * World.MINUTE);

    assertThat(received).containsExactly(1, 2, 3);
  }

  private void publish(String topic) {
    broker.publish(topic, new byte[] {1}, true);
  }

  private List<String> subscribed(String filter) {
    List<String> received = new ArrayList<>();
    listen(filter, message -> received.add(message.topic()));
    world.runUntil(world.now() + World.SECOND);
    return received;
  }

  private void listen(String filter, Consumer<MemoryBroker.Message> to) {
    MemoryBroker.Client client =
        new MemoryBroker.Client() {
          @Override
          public void received(MemoryBroker.Message message) {
            to.accept(message);
          }

          @Override
          public void lost(boolean takenOver) {}
        };
    broker
        .connect("client " + ++clients, Duration.ofMinutes(1), Optional.empty(), client)
        .orElseThrow()
        .subscribe(filter);
  }
}
