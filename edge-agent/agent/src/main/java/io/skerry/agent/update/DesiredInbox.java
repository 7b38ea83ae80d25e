package io.skerry.agent.update;

import com.google.protobuf.ByteString;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Role;
import io.skerry.artifact.trust.Trust;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.UnsupportedDocumentException;
import java.time.Instant;
import java.util.Optional;

/**
 * Reads what arrives on the desired topic, and tells of what this device must not obey.
 *
 * <p>The broker gives a message once a connection. So the last one that was refused for a cause
 * that may pass by itself is kept, and looked at again: a director key that is known only after the
 * next root was followed, and a time that turns out to be wrong. Thread-safe.
 */
final class DesiredInbox {
  private final UpdateSetup setup;
  private final UpdateNews news;
  private Optional<SlotReport.Failure> refusal = Optional.empty();
  private Optional<Kept> kept = Optional.empty();
  private Optional<Obeyed> last = Optional.empty();

  /**
   * A message that may be obeyed later.
   *
   * @param rootVersion that was known when it was refused
   * @param expiresAt when time was what it was refused for
   */
  private record Kept(ByteString message, long rootVersion, Optional<Instant> expiresAt) {}

  /**
   * The message that was obeyed last. The broker gives it again with every connection, and a small
   * processor takes milliseconds for its signature.
   *
   * @param trust that proved it
   */
  private record Obeyed(Digest message, Trust trust) {}

  /**
   * A document for this device that its director role signed.
   *
   * @param trust that proved it
   */
  record Opened(DesiredDocument document, Trust trust, ByteString message) {
    Role director() {
      return trust.root().director();
    }
  }

  DesiredInbox(UpdateSetup setup, UpdateNews news) {
    this.setup = setup;
    this.news = news;
  }

  /**
   * The document in a message: a signed envelope. Empty when it is refused, and when it is the one
   * that was obeyed last.
   */
  synchronized Optional<Opened> open(byte[] message) {
    if (message.length == 0) {
      return Optional.empty();
    }
    Trust trust = setup.trust().get();
    long root = trust.root().version();
    if (last.filter(one -> one.trust() == trust && one.message().equals(Digest.of(message)))
        .isPresent()) {
      refusal = Optional.empty();
      kept = Optional.empty();
      return Optional.empty();
    }
    try {
      DesiredDocument document = DesiredEnvelope.open(message, trust);
      if (!document.tenant().equals(setup.tenant()) || !document.device().equals(setup.device())) {
        throw new MalformedDocumentException(
            "desired document is for %s/%s".formatted(document.tenant(), document.device()));
      }
      return Optional.of(new Opened(document, trust, ByteString.copyFrom(message)));
    } catch (SignatureInvalidException e) {
      kept = Optional.of(new Kept(ByteString.copyFrom(message), root, Optional.empty()));
      refuse(ErrorCode.DESIRED_SIGNATURE_INVALID, String.valueOf(e.getMessage()));
    } catch (UnsupportedDocumentException e) {
      giveUp(message);
      refuse(ErrorCode.DESIRED_UNSUPPORTED, String.valueOf(e.getMessage()));
    } catch (MalformedDocumentException e) {
      giveUp(message);
      refuse(ErrorCode.DESIRED_MALFORMED, String.valueOf(e.getMessage()));
    }
    return Optional.empty();
  }

  // Its cause does not pass by itself.
  private void giveUp(byte[] message) {
    kept = kept.filter(late -> !late.message().equals(ByteString.copyFrom(message)));
  }

  /** The newest message is obeyed, or was before. */
  synchronized void obeyed(Opened opened) {
    refusal = Optional.empty();
    kept = Optional.empty();
    last = Optional.of(new Obeyed(Digest.of(opened.message().toByteArray()), opened.trust()));
  }

  /** Refuses a document that came, or is looked at, too late. */
  synchronized void expired(Opened opened, Instant now) {
    DesiredDocument document = opened.document();
    kept =
        Optional.of(
            new Kept(opened.message(), opened.trust().root().version(), document.expiresAt()));
    refuse(
        ErrorCode.DESIRED_EXPIRED,
        "desired document of generation %s expired at %s, and it is %s: what runs goes on"
            .formatted(
                document.generation(),
                document.expiresAt().map(Instant::toString).orElse(""),
                now));
  }

  /** The message that was refused last, when its cause may have passed. */
  synchronized Optional<byte[]> again() {
    Instant now = setup.clock().instant();
    long root = setup.trust().get().root().version();
    return kept.filter(
            late ->
                late.rootVersion() != root
                    || late.expiresAt().filter(end -> now.isBefore(end)).isPresent())
        .map(late -> late.message().toByteArray());
  }

  private void refuse(ErrorCode code, String detail) {
    SlotReport.Failure failure = new SlotReport.Failure(code, detail);
    // The same again and again is told once: whoever sends it must not fill the spool.
    if (refusal.filter(before -> before.code() == code && isSame(before, detail)).isEmpty()) {
      news.refused(failure);
    }
    refusal = Optional.of(failure);
  }

  // What differs in the time of day only is the same.
  private static boolean isSame(SlotReport.Failure before, String detail) {
    return before.code() == ErrorCode.DESIRED_EXPIRED || before.detail().equals(detail);
  }

  /** Why the newest message is not obeyed; empty when it is. */
  synchronized Optional<SlotReport.Failure> refusal() {
    return refusal;
  }
}
