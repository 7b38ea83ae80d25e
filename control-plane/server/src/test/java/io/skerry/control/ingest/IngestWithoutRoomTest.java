package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.skerry.control.host.Events;
import io.skerry.control.link.ControlLink;
import io.skerry.control.link.InboundMessage;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class IngestWithoutRoomTest {
  @Test
  void keepsAMessageUntilThereIsRoomToSetItAside(@TempDir Path folder) throws Exception {
    try (TestPlane plane = TestPlane.start(folder)) {
      // Storing it, then setting it aside twice.
      Queue<Error> failures =
          new ArrayDeque<>(
              List.of(new OutOfMemoryError(), new OutOfMemoryError(), new StackOverflowError()));
      Ingest ingest =
          new Ingest(
              new Database(failing(plane.source(), failures)),
              plane.bean(ControlLink.class),
              plane.bean(BatchStore.class),
              plane.bean(Quarantine.class),
              plane.bean(Events.class),
              IngestConfig.DEFAULTS);
      AtomicInteger acknowledged = new AtomicInteger();

      ingest.storeUntilSafe(
          List.of(
              new InboundMessage(
                  new Topics.DeviceTopic(
                      new TenantId("default"), new DeviceId("device-1"), "windows"),
                  ByteString.copyFrom(new byte[] {1}),
                  () -> false,
                  acknowledged::incrementAndGet)));

      assertThat(failures).isEmpty();
      assertThat(acknowledged).hasValue(1);
      assertThat(
              plane
                  .database()
                  .<Long>call(
                      transaction ->
                          transaction.number("select count(*) from telemetry_quarantine")))
          .isEqualTo(1);
    }
  }

  private static DataSource failing(DataSource source, Queue<Error> failures) {
    return (DataSource)
        Proxy.newProxyInstance(
            DataSource.class.getClassLoader(),
            new Class<?>[] {DataSource.class},
            (proxy, method, arguments) -> {
              Error failure = failures.poll();
              if (failure != null) {
                throw failure;
              }
              try {
                return method.invoke(source, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }
}
