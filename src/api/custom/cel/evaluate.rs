//! The values of expressions. Models `github.com/google/cel-go/interpreter` and `common/types`.

use regex_lite::Regex;
use serde_json::{Map, Number, Value, json};

use super::Expr;

/// Variables by their names, the innermost last.
pub type Scope<'a> = Vec<(&'a str, Value)>;

/// The value of an expression.
///
/// # Errors
/// It has none: no such key, mixed types and the like.
pub fn evaluate(expr: &Expr, scope: &mut Scope<'_>) -> Result<Value, String> {
    match expr {
        Expr::Literal(value) => Ok(value.clone()),
        Expr::Name(name) => {
            let found = scope.iter().rev().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone()).ok_or_else(|| format!("undeclared reference to '{name}'"))
        }
        Expr::Field(of, field) => {
            let value = evaluate(of, scope)?;
            value.get(field).cloned().ok_or_else(|| format!("no such key: {field}"))
        }
        Expr::Has(of, field) => Ok(json!(evaluate(of, scope)?.get(field).is_some_and(|value| !value.is_null()))),
        Expr::Index(of, index) => index_of(&evaluate(of, scope)?, &evaluate(index, scope)?),
        Expr::List(items) => items.iter().map(|item| evaluate(item, scope)).collect(),
        Expr::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                map.insert(text_of(&evaluate(key, scope)?), evaluate(value, scope)?);
            }
            Ok(Value::Object(map))
        }
        Expr::Call(of, name, args) => call(of.as_deref(), name, args, scope),
        Expr::Unary(sign, of) => match (sign, evaluate(of, scope)?) {
            ('!', Value::Bool(value)) => Ok(json!(!value)),
            ('-', Value::Number(number)) => match number.as_i64().and_then(i64::checked_neg) {
                Some(negative) => Ok(json!(negative)),
                None => Ok(json!(-number.as_f64().unwrap_or(0.0))),
            },
            _ => Err("no such overload".into()),
        },
        Expr::Binary("&&", a, b) => logic(a, b, false, scope),
        Expr::Binary("||", a, b) => logic(a, b, true, scope),
        Expr::Binary(sign, a, b) => operate(sign, &evaluate(a, scope)?, &evaluate(b, scope)?),
        Expr::Choice(test, yes, no) => match evaluate(test, scope)? {
            Value::Bool(true) => evaluate(yes, scope),
            Value::Bool(false) => evaluate(no, scope),
            _ => Err("no such overload".into()),
        },
    }
}

/// `&&` and `||`: a side that decides makes up for one that fails.
fn logic(a: &Expr, b: &Expr, decides: bool, scope: &mut Scope<'_>) -> Result<Value, String> {
    let first = evaluate(a, scope);
    if first == Ok(json!(decides)) {
        return first;
    }
    let second = evaluate(b, scope);
    if second == Ok(json!(decides)) {
        return second;
    }
    match (first?, second?) {
        (Value::Bool(_), Value::Bool(_)) => Ok(json!(!decides)),
        _ => Err("no such overload".into()),
    }
}

fn index_of(of: &Value, index: &Value) -> Result<Value, String> {
    match (of, index) {
        (Value::Array(items), Value::Number(at)) => {
            let found = at.as_u64().and_then(|at| items.get(usize::try_from(at).ok()?));
            found.cloned().ok_or_else(|| format!("index out of bounds: {at}"))
        }
        (Value::Object(map), Value::String(key)) => map.get(key).cloned().ok_or_else(|| format!("no such key: {key}")),
        _ => Err("no such overload".into()),
    }
}

fn operate(sign: &str, a: &Value, b: &Value) -> Result<Value, String> {
    let mixed = || Err("no such overload".to_owned());
    match sign {
        "==" => return Ok(json!(same(a, b))),
        "!=" => return Ok(json!(!same(a, b))),
        "in" => {
            return match (a, b) {
                (a, Value::Array(items)) => Ok(json!(items.iter().any(|item| same(a, item)))),
                (Value::String(key), Value::Object(map)) => Ok(json!(map.contains_key(key))),
                _ => mixed(),
            };
        }
        _ => {}
    }
    if let "<" | "<=" | ">" | ">=" = sign {
        let order = match (a, b) {
            (Value::Number(a), Value::Number(b)) => order(a, b),
            (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            _ => None,
        };
        let Some(order) = order else { return mixed() };
        return Ok(json!(match sign {
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        }));
    }
    match (a, b) {
        (Value::String(a), Value::String(b)) if sign == "+" => Ok(json!(format!("{a}{b}"))),
        (Value::Array(a), Value::Array(b)) if sign == "+" => Ok(a.iter().chain(b).cloned().collect()),
        (Value::Number(a), Value::Number(b)) => reckon(sign, a, b),
        _ => mixed(),
    }
}

fn reckon(sign: &str, a: &Number, b: &Number) -> Result<Value, String> {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        if b == 0 && matches!(sign, "/" | "%") {
            return Err(if sign == "/" { "division by zero" } else { "modulus by zero" }.into());
        }
        let whole = match sign {
            "+" => a.checked_add(b),
            "-" => a.checked_sub(b),
            "*" => a.checked_mul(b),
            "/" => a.checked_div(b),
            _ => a.checked_rem(b),
        };
        return whole.map(Value::from).ok_or_else(|| "integer overflow".into());
    }
    let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else { return Err("no such overload".into()) };
    match sign {
        "+" => Ok(json!(a + b)),
        "-" => Ok(json!(a - b)),
        "*" => Ok(json!(a * b)),
        "/" => Ok(json!(a / b)),
        _ => Err("no such overload".into()),
    }
}

fn order(a: &Number, b: &Number) -> Option<std::cmp::Ordering> {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => order(a, b).is_some_and(std::cmp::Ordering::is_eq),
        _ => a == b,
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn call(of: Option<&Expr>, name: &str, args: &[Expr], scope: &mut Scope<'_>) -> Result<Value, String> {
    let Some(of) = of else {
        let value = evaluate(args.first().ok_or("no such overload")?, scope)?;
        return function(name, &value);
    };
    let of = evaluate(of, scope)?;
    if let (Some(Expr::Name(item)), Some(body)) = (args.first(), args.get(1))
        && name != "replace"
    {
        return for_each(&of, name, item, body, scope);
    }
    let args: Vec<Value> = args.iter().map(|arg| evaluate(arg, scope)).collect::<Result<_, _>>()?;
    match &of {
        Value::String(text) => text_method(text, name, &args),
        Value::Array(items) => list_method(items, name, &args),
        Value::Object(map) if name == "size" => Ok(json!(map.len())),
        _ => Err("no such overload".into()),
    }
}

fn function(name: &str, value: &Value) -> Result<Value, String> {
    match (name, value) {
        ("size", Value::String(text)) => Ok(json!(text.chars().count())),
        ("size", Value::Array(items)) => Ok(json!(items.len())),
        ("size", Value::Object(map)) => Ok(json!(map.len())),
        ("string", value) => Ok(json!(text_of(value))),
        ("int", Value::Number(number)) => {
            let whole = number.to_string();
            Ok(json!(number.as_i64().or_else(|| whole.split('.').next()?.parse().ok()).ok_or("integer overflow")?))
        }
        ("int", Value::String(text)) => {
            text.parse::<i64>().map(Value::from).map_err(|_| "type conversion error".into())
        }
        ("double", Value::Number(number)) => Ok(json!(number.as_f64())),
        ("double", Value::String(text)) => serde_json::from_str(text).map_err(|_| "type conversion error".into()),
        ("type", value) => Ok(json!(match value {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Number(number) if number.is_f64() => "double",
            Value::Number(_) => "int",
            Value::String(_) => "string",
            Value::Array(_) => "list",
            Value::Object(_) => "map",
        })),
        _ => Err("no such overload".into()),
    }
}

fn text_method(text: &str, name: &str, args: &[Value]) -> Result<Value, String> {
    let arg = |at: usize| args.get(at).and_then(Value::as_str).ok_or("no such overload");
    Ok(match name {
        "size" => json!(text.chars().count()),
        "contains" => json!(text.contains(arg(0)?)),
        "startsWith" => json!(text.starts_with(arg(0)?)),
        "endsWith" => json!(text.ends_with(arg(0)?)),
        "matches" => json!(Regex::new(arg(0)?).map_err(|why| why.to_string())?.is_match(text)),
        "find" => {
            json!(Regex::new(arg(0)?).map_err(|why| why.to_string())?.find(text).map_or("", |found| found.as_str()))
        }
        "lowerAscii" => json!(text.to_ascii_lowercase()),
        "upperAscii" => json!(text.to_ascii_uppercase()),
        "trim" => json!(text.trim()),
        "split" => text.split(arg(0)?).map(Value::from).collect(),
        "replace" => json!(text.replace(arg(0)?, arg(1)?)),
        "indexOf" => match text.find(arg(0)?) {
            Some(at) => json!(text[..at].chars().count()),
            None => json!(-1),
        },
        _ => return Err("no such overload".into()),
    })
}

fn list_method(items: &[Value], name: &str, args: &[Value]) -> Result<Value, String> {
    let before = |a: &Value, b: &Value| operate("<", a, b).map(|less| less == json!(true));
    match name {
        "size" => Ok(json!(items.len())),
        "indexOf" => {
            let wanted = args.first().ok_or("no such overload")?;
            Ok(items.iter().position(|item| same(item, wanted)).map_or(json!(-1), |at| json!(at)))
        }
        "join" => {
            let between = args.first().and_then(Value::as_str).unwrap_or("");
            Ok(json!(items.iter().map(text_of).collect::<Vec<_>>().join(between)))
        }
        "isSorted" => {
            for pair in items.windows(2) {
                if before(&pair[1], &pair[0])? {
                    return Ok(json!(false));
                }
            }
            Ok(json!(true))
        }
        "sum" => items.iter().try_fold(json!(0), |sum, item| operate("+", &sum, item)),
        "min" | "max" => {
            let mut items = items.iter();
            let mut best = items.next().ok_or_else(|| format!("{name} called on empty list"))?;
            for item in items {
                if before(item, best)? == (name == "min") && !same(item, best) {
                    best = item;
                }
            }
            Ok(best.clone())
        }
        _ => Err("no such overload".into()),
    }
}

/// `all`, `exists`, `exists_one`, `map`, `filter`: of a map, its keys.
fn for_each(of: &Value, name: &str, item: &str, body: &Expr, scope: &mut Scope<'_>) -> Result<Value, String> {
    let items: Vec<Value> = match of {
        Value::Array(items) => items.clone(),
        Value::Object(map) => map.keys().map(|key| json!(key)).collect(),
        _ => return Err("no such overload".into()),
    };
    let mut found = Vec::new();
    for value in &items {
        let mut inner = scope.clone();
        inner.push((item, value.clone()));
        found.push(evaluate(body, &mut inner));
    }
    let is = |result: &Result<Value, String>, what: bool| *result == Ok(json!(what));
    let failure = || found.iter().find_map(|result| result.as_ref().err()).cloned();
    match name {
        "all" if found.iter().any(|result| is(result, false)) => Ok(json!(false)),
        "exists" if found.iter().any(|result| is(result, true)) => Ok(json!(true)),
        _ if failure().is_some() => Err(failure().unwrap_or_default()),
        "all" => Ok(json!(true)),
        "exists" => Ok(json!(false)),
        "exists_one" => Ok(json!(found.iter().filter(|result| is(result, true)).count() == 1)),
        "map" => found.into_iter().collect(),
        "filter" => {
            Ok(items.into_iter().zip(found).filter(|(_, result)| is(result, true)).map(|(value, _)| value).collect())
        }
        _ => Err("no such overload".into()),
    }
}
