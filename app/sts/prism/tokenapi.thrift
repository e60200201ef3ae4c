/* The network interface of a prepayment security module: PrismToken TokenApi 1.1, and what our own
 * module adds to it (ModuleAdmin).  Ids, names and types are facts of the wire, restated from the public
 * interface description; the words are ours.  Framed binary Thrift over TLS, usual port 9443. */

namespace py tokenapi
namespace js tokenapi

const string ApiVersion = "1.1"

exception ApiException {
  1: required string eCode,
  2: required string eMsgEn,
}

struct SessionOptions {
  1: required string version,
  10: optional string culture = "en",
}

struct SignInResult {
  1: required string accessToken,
}

struct Alert {
  1: required string eCode,
  2: required string eMsgEn,
}

struct NodeStatus {
  1: required map<string, string> info,
  2: required list<Alert> alerts,
}

/* What a key change moves a meter to. */
struct MeterConfigAmendment {
  1: required i32 toSgc,
  2: required i16 toKrn,
  3: required i16 toTi,
}

/* drn: a DRN of 11 or 13 digits or a PAN of 18; ea 7 or 11; ken: what the meter holds; doe: YYMM. */
struct MeterConfigIn {
  1: required string drn,
  2: required i16 ea,
  3: required i16 tct,
  10: required i32 sgc,
  11: required i16 krn,
  12: required i16 ti,
  20: optional MeterConfigAmendment newConfig,
  21: optional bool allowKrnUpdate = true,
  30: required i16 ken,
  31: optional string doe = "0000",
  32: optional bool allow3Kct = false,
  33: optional bool allowKenUpdate = true,
}

/* What to store of a meter once it has taken a key-change set. */
struct MeterConfigAdvice {
  1: required i32 toSgc,
  2: required i16 toKrn,
  3: required i16 toTi,
  4: required i16 toKen,
  10: required string idRecord,
  11: required string record2,
  20: required bool rollover,
  21: required string toVkKcv,
}

struct Token {
  1: required string drn,
  2: required string pan,
  3: required i16 ea,
  4: required i16 tct,
  5: required i32 sgc,
  6: required i16 krn,
  7: required i16 ti,
  10: required i16 tokenClass,
  11: required i16 subclass,
  12: required i32 tid,
  13: required double transferAmount,
  14: required bool isReservedTid,
  15: optional MeterConfigAdvice newConfig,
  20: required string description,
  21: required string stsUnitName,
  22: required string scaledAmount,
  23: required string scaledUnitName,
  30: required string tokenDec,
  31: required string tokenHex,
  40: required string idSm,
  41: required string vkKcv,
}

/* Class 1: the same digits for every meter (of one manufacturer). */
struct MeterTestToken {
  1: required string drn,
  2: required string pan,
  10: required i16 tokenClass,
  11: required i16 subclass,
  12: required i64 control,
  13: required i16 mfrcode,
  20: required string description,
  30: required string tokenDec,
  31: required string tokenHex,
}

struct VerifyResult {
  1: required string validationResult,
  2: optional Token token,
  3: optional MeterTestToken meterTestToken,
}

enum TokenIssueFlags {
  EXTERNAL_CLOCK = 1,
  TID_ADJUST_BDT = 2,
  SPECIAL_RESERVED = 4,
}

service TokenApi {
  string ping(1: i32 sleepMs, 2: string echo) throws (1: ApiException ex1),
  SignInResult signInWithPassword(1: string messageId, 2: string realm, 3: string username, 4: string password, 5: SessionOptions sessionOpts) throws (1: ApiException ex1),
  list<NodeStatus> getStatus(1: string messageId, 2: string accessToken) throws (1: ApiException ex1),
  MeterConfigIn parseIdRecord(1: string messageId, 2: string accessToken, 3: string idRecord) throws (1: ApiException ex1),
  bool loadTransactionLicense(1: string messageId, 2: string accessToken, 3: string licenseText) throws (1: ApiException ex1),
  list<Token> issueCreditToken(1: string messageId, 2: string accessToken, 3: MeterConfigIn meterConfig, 4: i16 subclass, 5: double transferAmount, 6: i64 tokenTime, 7: i64 flags) throws (1: ApiException ex1),
  MeterTestToken issueMeterTestToken(1: string messageId, 2: string accessToken, 3: i16 subclass, 4: i64 control, 5: i16 mfrcode) throws (1: ApiException ex1),
  list<Token> issueMseToken(1: string messageId, 2: string accessToken, 3: MeterConfigIn meterConfig, 4: i16 subclass, 5: double transferAmount, 6: i64 tokenTime, 7: i64 flags) throws (1: ApiException ex1),
  list<Token> issueKeyChangeTokens(1: string messageId, 2: string accessToken, 3: MeterConfigIn meterConfig, 4: MeterConfigAmendment newConfig) throws (1: ApiException ex1),
  VerifyResult verifyToken(1: string messageId, 2: string accessToken, 3: MeterConfigIn meterConfig, 4: string tokenDec) throws (1: ApiException ex1),
  list<Token> issueDitkChangeTokens(1: string messageId, 2: string accessToken, 3: MeterConfigIn meterConfig) throws (1: ApiException ex1),
  list<Token> fetchTokenResult(1: string messageId, 2: string accessToken, 3: string reqMessageId) throws (1: ApiException ex1),
  list<string> ctsResetTidList(1: string messageId, 2: string accessToken, 3: string panPattern) throws (1: ApiException ex1),
}

/* Ours from here on.  Hardware answers "unknown method". */

/* A vending key without the key. Times are Unix seconds, absent when open; dkga 2 or 4; baseDate 93, 14, 35. */
struct VendingKeyFacts {
  1: required i32 sgc,
  2: required i16 krn,
  3: required i16 keyType,
  4: required i16 dkga,
  5: required i16 baseDate,
  6: required i16 ken,
  7: required string kcv,
  8: required list<i16> eas,
  9: optional i64 activeFrom,
  10: optional i64 activeTo,
}

/* How many tokens of a class and subclass were made on a UTC day (YYYY-MM-DD). */
struct DayCount {
  1: required string day,
  2: required i16 tokenClass,
  3: required i16 subclass,
  4: required i64 tokens,
}

service ModuleAdmin extends TokenApi {
  list<VendingKeyFacts> loadKeyFile(1: string messageId, 2: string accessToken, 3: string keyFile, 4: string passphrase) throws (1: ApiException ex1),
  list<VendingKeyFacts> listKeys(1: string messageId, 2: string accessToken) throws (1: ApiException ex1),
  list<DayCount> countsPerDay(1: string messageId, 2: string accessToken, 3: string fromDay, 4: string toDay) throws (1: ApiException ex1),
}
