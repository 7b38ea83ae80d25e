package io.skerry.agent.serve.http;

import io.skerry.agent.model.PredictException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Whether bytes are one JSON object as RFC 8259 has it. {@code NaN}, {@code Infinity} and {@code
 * -Infinity} are no JSON, but what clients write for them: they may stand in lists. The reader of
 * requests takes much more (comments, names without quotes, {@code =} for a colon), and so could
 * take for another request what the next program refuses.
 *
 * <p>Reads once, from left to right, and keeps one bit for each level.
 */
final class JsonSyntax {
  /** Lists and objects within each other. */
  static final int DEPTH_MAX = 64;

  /** Of one number: what is longer the reader of requests takes for a text without quotes. */
  static final int NUMBER_CHARACTERS_MAX = 1_000;

  private static final byte[][] WORDS = {
    bytes("true"), bytes("false"), bytes("null"), bytes("NaN"), bytes("Infinity")
  };
  private static final int STANDARD_WORDS = 3;

  private final byte[] text;
  private final int begin;
  private final int end;
  private int at;
  // From the outermost: 1 for an object, 0 for a list.
  private long levels;
  private int depth;

  private JsonSyntax(ByteBuffer json) {
    text = json.array();
    begin = json.arrayOffset() + json.position();
    end = begin + json.remaining();
    at = begin;
  }

  private static byte[] bytes(String word) {
    return word.getBytes(StandardCharsets.US_ASCII);
  }

  /** Refuses everything else; the text says at which byte. */
  static void requireObject(ByteBuffer json) throws PredictException {
    new JsonSyntax(json).document();
  }

  private void document() throws PredictException {
    if (next() != '{') {
      throw wrong("it is no object");
    }
    boolean more = true;
    while (more) {
      value();
      more = afterValue();
    }
    if (at < end) {
      throw wrong("there is more after its end");
    }
  }

  /** What follows a value, up to the next one; whether there is one. */
  private boolean afterValue() throws PredictException {
    while (true) {
      if (depth == 0) {
        skipSpace();
        return false;
      }
      int token = next();
      at++;
      if (token == (isObject() ? '}' : ']')) {
        depth--;
      } else if (token == ',') {
        if (isObject()) {
          name();
        }
        return true;
      } else {
        at--;
        throw wrong(isObject() ? "a comma or } is missing" : "a comma or ] is missing");
      }
    }
  }

  /** A value; of a list or an object that is not empty only its beginning and the first value. */
  private void value() throws PredictException {
    while (true) {
      int token = next();
      if (token == '{' || token == '[') {
        at++;
        if (depth == DEPTH_MAX) {
          throw wrong("it is nested deeper than %d".formatted(DEPTH_MAX));
        }
        levels = token == '{' ? levels | 1L << depth : levels & ~(1L << depth);
        depth++;
        if (next() == (token == '{' ? '}' : ']')) {
          at++;
          depth--;
          return;
        }
        if (token == '{') {
          name();
        }
      } else {
        plain(token);
        return;
      }
    }
  }

  private void plain(int token) throws PredictException {
    int from = at;
    if (token == '"') {
      string();
    } else if (token >= '0' && token <= '9') {
      number(from);
    } else if (token == '-') {
      at++;
      if (at < end && text[at] == 'I') {
        word();
      } else {
        number(from);
      }
    } else {
      word();
    }
  }

  private boolean isObject() {
    return depth > 0 && (levels >> (depth - 1) & 1) == 1;
  }

  private void name() throws PredictException {
    if (next() != '"') {
      throw wrong("a name in quotes is missing");
    }
    string();
    if (next() != ':') {
      throw wrong("a colon is missing");
    }
    at++;
  }

  private int next() throws PredictException {
    skipSpace();
    if (at == end) {
      throw wrong("it ends too early");
    }
    return text[at];
  }

  private void skipSpace() {
    while (at < end
        && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) {
      at++;
    }
  }

  private void string() throws PredictException {
    at++;
    while (at < end && text[at] != '"') {
      if (text[at] >= 0 && text[at] < ' ') {
        throw wrong("there is a control character in a string");
      }
      if (text[at] == '\\') {
        at++;
        escape();
      } else {
        at++;
      }
    }
    if (at == end) {
      throw wrong("it ends too early");
    }
    at++;
  }

  private void escape() throws PredictException {
    int letter = at < end ? text[at++] : 0;
    if (letter == 'u') {
      for (int i = 0; i < 4; i++) {
        if (at == end || Character.digit(text[at++], 16) < 0) {
          throw wrong("an escape is wrong");
        }
      }
    } else if (letter <= 0 || "\"\\/bfnrt".indexOf(letter) < 0) {
      throw wrong("an escape is wrong");
    }
  }

  private void number(int from) throws PredictException {
    boolean zero = at < end && text[at] == '0';
    int whole = digits();
    if (whole == 0 || (zero && whole > 1)) {
      throw wrong("a number is wrong");
    }
    if (at < end && text[at] == '.') {
      at++;
      if (digits() == 0) {
        throw wrong("a number is wrong");
      }
    }
    if (at < end && (text[at] == 'e' || text[at] == 'E')) {
      at++;
      if (at < end && (text[at] == '+' || text[at] == '-')) {
        at++;
      }
      if (digits() == 0) {
        throw wrong("a number is wrong");
      }
    }
    if (at - from > NUMBER_CHARACTERS_MAX) {
      throw wrong("a number has more than %d characters".formatted(NUMBER_CHARACTERS_MAX));
    }
  }

  private int digits() {
    int from = at;
    while (at < end && text[at] >= '0' && text[at] <= '9') {
      at++;
    }
    return at - from;
  }

  private void word() throws PredictException {
    int known = isObject() ? STANDARD_WORDS : WORDS.length;
    for (int i = 0; i < known; i++) {
      if (begins(WORDS[i])) {
        at += WORDS[i].length;
        return;
      }
    }
    throw wrong("a value is none of JSON");
  }

  private boolean begins(byte[] word) {
    if (end - at < word.length) {
      return false;
    }
    for (int i = 0; i < word.length; i++) {
      if (text[at + i] != word[i]) {
        return false;
      }
    }
    return true;
  }

  private PredictException wrong(String what) {
    return InferJsonReader.invalid(
        "failed to parse the request JSON: %s (at byte %d)".formatted(what, at - begin));
  }
}
