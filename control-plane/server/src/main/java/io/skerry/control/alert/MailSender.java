package io.skerry.control.alert;

import jakarta.mail.Address;
import jakarta.mail.Authenticator;
import jakarta.mail.Message;
import jakarta.mail.MessagingException;
import jakarta.mail.PasswordAuthentication;
import jakarta.mail.SendFailedException;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;

/**
 * Mails alerts by SMTP, all that wait in one mail.
 *
 * <pre>
 * smtp://[USER@]HOST[:PORT]?to=ADDRESS[,ADDRESS]&amp;from=ADDRESS[&amp;tls=required|offered|none]
 * smtps://...                                                      TLS from the first byte
 * </pre>
 *
 * <p>{@code tls} says what is done about STARTTLS; {@code required} unless said otherwise. The
 * route's secret is the password.
 */
final class MailSender implements Sender {
  private static final int SMTP_PORT = 587;
  private static final int SMTPS_PORT = 465;
  private static final String WAIT_MILLIS = "10000";

  /** An address of this form, taken apart. */
  record Target(boolean tls, String host, int port, String user, Map<String, String> options) {
    /**
     * Reads a URL.
     *
     * @throws IllegalArgumentException with what is wrong about it
     */
    static Target parse(String url) {
      URI uri = URI.create(url);
      String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
      if ((!scheme.equals("smtp") && !scheme.equals("smtps")) || uri.getHost() == null) {
        throw new IllegalArgumentException(
            "'%s' is no address such as smtp://host:587?to=a@b&from=c@d".formatted(url));
      }
      Map<String, String> options = options(uri.getRawQuery());
      for (String required : List.of("to", "from")) {
        if (options.getOrDefault(required, "").isBlank()) {
          throw new IllegalArgumentException(
              "'%s' lacks %s=ADDRESS after the question mark".formatted(url, required));
        }
      }
      if (!List.of("required", "offered", "none")
          .contains(options.getOrDefault("tls", "required"))) {
        throw new IllegalArgumentException("tls must be required, offered or none");
      }
      boolean tls = scheme.equals("smtps");
      String user = uri.getRawUserInfo();
      return new Target(
          tls,
          uri.getHost(),
          uri.getPort() > 0 ? uri.getPort() : tls ? SMTPS_PORT : SMTP_PORT,
          user == null ? "" : decoded(user),
          options);
    }

    private static Map<String, String> options(@org.jspecify.annotations.Nullable String query) {
      Map<String, String> options = new HashMap<>();
      for (String part : query == null ? new String[0] : query.split("&")) {
        int equals = part.indexOf('=');
        if (equals > 0) {
          options.put(part.substring(0, equals), decoded(part.substring(equals + 1)));
        }
      }
      return options;
    }

    private static String decoded(String text) {
      return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    String option(String name, String standard) {
      return options.getOrDefault(name, standard);
    }
  }

  @Override
  public boolean isGrouping() {
    return true;
  }

  @Override
  public Routing.Answer send(Route route, List<Alert> alerts) {
    try {
      Target target = Target.parse(route.url());
      Transport.send(message(session(target, route), target, alerts));
      return new Routing.Answer.Accepted("taken by " + target.host());
    } catch (SendFailedException e) {
      boolean nobody = e.getValidSentAddresses() == null || e.getValidSentAddresses().length == 0;
      boolean bad = e.getInvalidAddresses() != null && e.getInvalidAddresses().length > 0;
      return nobody && !bad
          ? new Routing.Answer.Unreachable(HttpSender.reason(e))
          : new Routing.Answer.Refused(HttpSender.reason(e));
    } catch (MessagingException e) {
      return new Routing.Answer.Unreachable(HttpSender.reason(e));
    } catch (IllegalArgumentException e) {
      return new Routing.Answer.Refused(HttpSender.reason(e));
    }
  }

  private static Session session(Target target, Route route) {
    Properties properties = new Properties();
    String protocol = target.tls() ? "smtps" : "smtp";
    properties.put("mail.transport.protocol", protocol);
    properties.put("mail.transport.protocol.rfc822", protocol);
    String prefix = "mail." + protocol + ".";
    String startTls = target.option("tls", "required");
    properties.put(prefix + "host", target.host());
    properties.put(prefix + "port", String.valueOf(target.port()));
    properties.put(prefix + "auth", String.valueOf(!target.user().isEmpty()));
    properties.put(prefix + "starttls.enable", String.valueOf(!startTls.equals("none")));
    properties.put(
        prefix + "starttls.required", String.valueOf(!target.tls() && startTls.equals("required")));
    properties.put(prefix + "ssl.checkserveridentity", "true");
    properties.put(prefix + "connectiontimeout", WAIT_MILLIS);
    properties.put(prefix + "timeout", WAIT_MILLIS);
    properties.put(prefix + "writetimeout", WAIT_MILLIS);
    return Session.getInstance(
        properties,
        new Authenticator() {
          @Override
          protected PasswordAuthentication getPasswordAuthentication() {
            return new PasswordAuthentication(target.user(), route.secret().orElse(""));
          }
        });
  }

  private static MimeMessage message(Session session, Target target, List<Alert> alerts)
      throws MessagingException {
    MimeMessage message = new MimeMessage(session);
    message.setFrom(new InternetAddress(target.option("from", "")));
    Address[] to = InternetAddress.parse(target.option("to", ""));
    message.setRecipients(Message.RecipientType.TO, to);
    message.setSubject(subject(alerts), StandardCharsets.UTF_8.name());
    message.setText(text(alerts), StandardCharsets.UTF_8.name());
    message.setSentDate(Date.from(alerts.getFirst().at()));
    return message;
  }

  static String subject(List<Alert> alerts) {
    Alert worst =
        alerts.stream()
            .max(java.util.Comparator.comparing(Alert::severity))
            .orElseThrow(() -> new IllegalArgumentException("no alert"));
    String more = alerts.size() == 1 ? "" : " and %d more".formatted(alerts.size() - 1);
    // A line break in a subject would begin another header.
    return "[Skerry %s] %s %s%s"
        .formatted(worst.severity(), worst.kind(), worst.object(), more)
        .replaceAll("\\p{Cntrl}", " ");
  }

  static String text(List<Alert> alerts) {
    StringBuilder text = new StringBuilder();
    for (Alert alert : alerts) {
      text.append(alert.at()).append("  ").append(alert.severity()).append("  ");
      text.append(alert.kind()).append("  ").append(alert.object());
      if (!alert.cohort().isEmpty()) {
        text.append("  ").append(alert.cohort());
      }
      text.append('\n').append(alert.detail()).append("\n\n");
    }
    return text.toString();
  }

  static void check(String url) {
    Target target = Target.parse(url);
    try {
      for (String option : Arrays.asList("to", "from")) {
        InternetAddress.parse(target.option(option, ""), true);
      }
    } catch (MessagingException e) {
      throw new IllegalArgumentException(HttpSender.reason(e), e);
    }
  }
}
