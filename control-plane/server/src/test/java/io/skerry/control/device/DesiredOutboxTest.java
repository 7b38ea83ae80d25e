package io.skerry.control.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micronaut.context.event.ApplicationEventPublisher;
import io.skerry.artifact.keys.KeyFolder;
import io.skerry.artifact.keys.Rotation;
import io.skerry.control.host.Addresses;
import io.skerry.control.host.DataFolder;
import io.skerry.control.host.ServerAddress;
import io.skerry.control.sql.TestPlane;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class DesiredOutboxTest {
  @TempDir static Path root;
  private static TestPlane plane;
  private static DesiredOutbox outbox;

  @BeforeAll
  static void start() throws IOException {
    plane = TestPlane.start(root);
    Addresses addresses = new Addresses();
    URI anywhere = URI.create("https://127.0.0.1:1");
    addresses.open(new ServerAddress(anywhere, anywhere, "127.0.0.1", 1));
    outbox =
        new DesiredOutbox(plane.database(), addresses, new OutboxSignal(), TrustConfig.DEFAULTS);
  }

  @AfterAll
  static void stop() throws IOException {
    plane.close();
  }

  @BeforeEach
  void one() {
    plane
        .database()
        .run(
            transaction -> {
              transaction.update("delete from device");
              transaction.update(
                  """
                  insert into device (id, tenant, labels, facts, enrolled_at)
                  values ('cam-1', 'default', '{}', '{}', now())
                  """);
              transaction.update(
                  """
                  insert into desired (device, term, counter, issued_at)
                  values ('cam-1', 1, 1, now())
                  """);
            });
    outbox.queueAll();
  }

  @Test
  void keepsWhatIsQueuedAgainWhileItIsPublished() {
    List<DesiredOutbox.Waiting> old = outbox.waiting(10);
    assertThat(old).hasSize(1);

    // The keys change: what is on its way carries the signature of the one before.
    outbox.queueAll();
    outbox.published(old);

    List<DesiredOutbox.Waiting> again = outbox.waiting(10);
    assertThat(again)
        .singleElement()
        .satisfies(
            waiting ->
                assertThat(waiting.document().generation())
                    .isEqualTo(old.getFirst().document().generation()));
    outbox.published(again);
    assertThat(outbox.waiting(10)).isEmpty();
  }

  @Test
  void takesOutWhatWasQueuedOlderThanWhatWasPublished() {
    change("update desired set counter = 5");

    outbox.published(outbox.waiting(10));

    assertThat(outbox.waiting(10)).isEmpty();
  }

  @Test
  void leavesANewerDocumentsNumberWhenAllAreQueued() {
    // Committed after the statement that queues all had begun to read.
    change("update desired_outbox set counter = 2");

    outbox.queueAll();

    assertThat(
            plane
                .database()
                .<Long>call(
                    transaction -> transaction.number("select counter from desired_outbox")))
        .isEqualTo(2);
  }

  private static void change(String sql) {
    plane.database().run(transaction -> transaction.update(sql));
  }

  /** Whoever listens may fail; keys that changed are told until everybody took it. */
  @Test
  void tellsOfARotationUntilItWasCarriedThrough() throws IOException {
    SigningKeys keys = plane.bean(SigningKeys.class);
    List<Long> told = new ArrayList<>();
    ApplicationEventPublisher<RootsChanged> fragile =
        event -> {
          told.add(event.version());
          if (told.size() == 1) {
            throw new IllegalStateException("no database");
          }
        };
    KeyWatch watch = new KeyWatch(keys, outbox, fragile);
    watch.look();
    assertThat(told).isEmpty();
    Path folder = plane.bean(DataFolder.class).keys();
    new Rotation(Set.of(Rotation.Fresh.DIRECTOR), Optional.empty(), Map.of())
        .run(new KeyFolder(folder, folder.resolve("offline")), Instant.now());

    assertThatThrownBy(watch::look).hasMessage("no database");
    watch.look();
    watch.look();

    assertThat(told).containsExactly(2L, 2L);
  }
}
