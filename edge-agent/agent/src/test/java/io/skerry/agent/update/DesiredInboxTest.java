package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.trust.TrustFixture;
import io.skerry.artifact.sign.Dsse;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.artifact.trust.RootDocument;
import io.skerry.artifact.trust.Trust;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.Generation;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.TenantId;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DesiredInboxTest {
  private static final TenantId TENANT = new TenantId("default");
  private static final DeviceId DEVICE = new DeviceId("d1");

  private final TrustFixture keys = new TrustFixture();
  private final SigningKey before = SigningKey.generate();
  private final SigningKey after = SigningKey.generate();
  private final DsseEnvelope first = root(1, before);
  private final ModelSlots slots = new ModelSlots();
  private final HttpClient http = HttpClient.newHttpClient();
  private final List<String> events = new ArrayList<>();
  private Trust trust = Trust.pinned(first, RootDocument.fingerprint(first));
  private final DesiredInbox inbox = inbox();

  @AfterEach
  void close() {
    slots.close();
    http.close();
  }

  private DesiredInbox inbox() {
    UpdateSetup setup =
        new UpdateSetup(
            Disk.local(),
            Path.of("unused"),
            TENANT,
            DEVICE,
            () -> trust,
            HardwareFacts.of("x86-64", List.of(), List.of()),
            ProfileCatalog.builtIn(),
            new EngineCatalog(List.of()),
            1,
            slots,
            () -> http,
            Runnable::run,
            Runnable::run,
            () -> TrustFixture.NOW,
            System::nanoTime,
            MemoryMeter.ofLinux());
    return new DesiredInbox(
        setup, new UpdateNews(setup, record -> events.add(record.getEvent().getCode())));
  }

  private DsseEnvelope root(long version, SigningKey director) {
    return keys.root(version, director, director);
  }

  private static byte[] signed(byte[] document, SigningKey key) {
    return TrustFixture.message(Dsse.sign(DesiredDocument.PAYLOAD_TYPE, document, key));
  }

  private static byte[] document(DeviceId device) {
    return ProtocolCodec.encode(
        new DesiredDocument(TENANT, device, new Generation(1, 1), TrustFixture.NOW, List.of()));
  }

  @Test
  void looksAgainAtAMessageOnceTheNextRootIsKnown() {
    byte[] message = signed(document(DEVICE), after);
    assertThat(inbox.open(message)).isEmpty();
    assertThat(inbox.again()).isEmpty();

    trust = trust.withRoot(root(2, after));

    assertThat(inbox.again()).contains(message);
    inbox.obeyed(inbox.open(message).orElseThrow());
    assertThat(inbox.again()).isEmpty();
    assertThat(events).containsExactly("DESIRED_SIGNATURE_INVALID");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void looksOnceOnlyAtWhatNoRootCanMend(boolean readable) {
    byte[] message =
        signed(
            readable
                ? document(new DeviceId("d2"))
                : "no document".getBytes(StandardCharsets.UTF_8),
            after);
    inbox.open(message);
    trust = trust.withRoot(root(2, after));
    assertThat(inbox.again()).contains(message);

    assertThat(inbox.open(message)).isEmpty();

    assertThat(inbox.again()).isEmpty();
    assertThat(inbox.refusal().map(SlotReport.Failure::code)).contains(ErrorCode.DESIRED_MALFORMED);
    assertThat(events).containsExactly("DESIRED_SIGNATURE_INVALID", "DESIRED_MALFORMED");
  }

  @Test
  void forgetsARefusalWhenTheObeyedMessageComesAgain() {
    byte[] message = signed(document(DEVICE), before);
    inbox.obeyed(inbox.open(message).orElseThrow());
    inbox.open(signed(document(DEVICE), after));
    assertThat(inbox.refusal()).isPresent();

    assertThat(inbox.open(message)).isEmpty();

    assertThat(inbox.refusal()).isEmpty();
    assertThat(inbox.again()).isEmpty();
  }

  @Test
  void provesAnObeyedMessageAgainWhenItsKeyIsRotatedAway() {
    byte[] message = signed(document(DEVICE), before);
    inbox.obeyed(inbox.open(message).orElseThrow());

    trust = trust.withRoot(root(2, after));

    assertThat(inbox.open(message)).isEmpty();
    assertThat(inbox.refusal().map(SlotReport.Failure::code))
        .contains(ErrorCode.DESIRED_SIGNATURE_INVALID);
  }

  @Test
  void keepsAGoodMessageWhateverComesAfterIt() {
    byte[] message = signed(document(DEVICE), after);
    inbox.open(message);
    inbox.open(new byte[] {(byte) 0xff});
    inbox.open(new byte[0]);

    trust = trust.withRoot(root(2, after));

    assertThat(inbox.again()).contains(message);
  }
}
