import "./multiplyAdd";
// @ts-ignore
export function t(a:f32):f32{ return f32x4.extract_lane(multiplyAdd(f32x4.splat(a),f32x4.splat(a),f32x4.splat(a)),0);}
